// Getters for what Swift cannot import from libhdf5: macros, and the `_g` globals that Swift 6
// refuses because they are mutable.
#ifndef ASSAY_CHDF5_SHIM_H
#define ASSAY_CHDF5_SHIM_H

// Names without a version digit mean the API of 1.10 in every later version too.
#define H5_USE_110_API
#include <hdf5.h>

// Each of these macros expands to `(H5open(), <global>)` or holds a cast.
#define ASSAY_GETTER(type, name, value) \
  static inline type name(void) { return value; }

ASSAY_GETTER(unsigned, ch5f_acc_rdonly, H5F_ACC_RDONLY)
ASSAY_GETTER(unsigned, ch5f_acc_excl, H5F_ACC_EXCL)
ASSAY_GETTER(hid_t, ch5p_default, H5P_DEFAULT)
ASSAY_GETTER(hid_t, ch5p_file_create, H5P_FILE_CREATE)
ASSAY_GETTER(hid_t, ch5p_file_access, H5P_FILE_ACCESS)
ASSAY_GETTER(hid_t, ch5p_group_create, H5P_GROUP_CREATE)
ASSAY_GETTER(hid_t, ch5p_dataset_create, H5P_DATASET_CREATE)
ASSAY_GETTER(unsigned, ch5p_crt_order, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)
ASSAY_GETTER(hid_t, ch5s_all, H5S_ALL)
ASSAY_GETTER(hid_t, ch5e_default, H5E_DEFAULT)
ASSAY_GETTER(haddr_t, ch5_haddr_undef, HADDR_UNDEF)
ASSAY_GETTER(hid_t, ch5t_c_s1, H5T_C_S1)
ASSAY_GETTER(hid_t, ch5t_native_int64, H5T_NATIVE_INT64)
ASSAY_GETTER(hid_t, ch5t_f32le, H5T_IEEE_F32LE)
ASSAY_GETTER(hid_t, ch5t_f64le, H5T_IEEE_F64LE)
ASSAY_GETTER(hid_t, ch5t_i8le, H5T_STD_I8LE)
ASSAY_GETTER(hid_t, ch5t_i16le, H5T_STD_I16LE)
ASSAY_GETTER(hid_t, ch5t_i32le, H5T_STD_I32LE)
ASSAY_GETTER(hid_t, ch5t_i64le, H5T_STD_I64LE)
ASSAY_GETTER(hid_t, ch5t_u8le, H5T_STD_U8LE)
ASSAY_GETTER(hid_t, ch5t_u16le, H5T_STD_U16LE)
ASSAY_GETTER(hid_t, ch5t_u32le, H5T_STD_U32LE)
ASSAY_GETTER(hid_t, ch5t_u64le, H5T_STD_U64LE)
#undef ASSAY_GETTER

// Links and objects: plain functions in 1.10, macros with other structures in later versions.
typedef herr_t (*ch5_link_visitor)(const char *name, H5L_type_t type, haddr_t address, void *context);

struct ch5_visit {
  ch5_link_visitor visitor;
  void *context;
};

static inline herr_t ch5_visit_link(
    hid_t group, const char *name, const H5L_info_t *info, void *context) {
  struct ch5_visit *visit = (struct ch5_visit *)context;
  (void)group;
  return visit->visitor(
      name, info->type, info->type == H5L_TYPE_HARD ? info->u.address : HADDR_UNDEF, visit->context);
}

static inline herr_t ch5l_iterate(
    hid_t group, H5_index_t index, ch5_link_visitor visitor, void *context) {
  struct ch5_visit visit = {visitor, context};
  return H5Literate(group, index, H5_ITER_INC, NULL, ch5_visit_link, &visit);
}

struct ch5_link {
  H5L_type_t type;
  size_t value_size;
};

static inline herr_t ch5l_get_link(hid_t group, const char *name, struct ch5_link *link) {
  H5L_info_t info;
  herr_t status = H5Lget_info(group, name, &info, H5P_DEFAULT);
  if (status < 0) return status;
  link->type = info.type;
  link->value_size = info.type == H5L_TYPE_HARD ? 0 : info.u.val_size;
  return status;
}

static inline herr_t ch5o_get_address(hid_t object, haddr_t *address) {
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC);
  if (status >= 0) *address = info.addr;
  return status;
}
#endif
