# What the argument parser's manual says too generally, and breaks within names of options and files.
/^[^.]/s/[A-Za-z0-9_*]*[_.][A-Za-z0-9_]/\\%&/g
s/^\.Nd "\(.*\)\."$/.Nd \1/
/^Exit status: 0 when all is well/d
/^\.Ex -std/c\
.Nm\
exits with 0 when all is well or everything matches, with 1 when something differs, and with 2 when it could not\
do its work.
