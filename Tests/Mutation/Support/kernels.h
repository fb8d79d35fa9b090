// Included before the changed kernels: whether a change is made.
extern long assay_chosen;
#define ASSAY_IS(number) (assay_chosen == (number))
