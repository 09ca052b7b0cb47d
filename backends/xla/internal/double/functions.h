// The functions of table number TABLE, and the table. table.c includes this once per table.
#define JOIN_(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define DEFINE_F(name) \
  static PJRT_Error* JOIN(call, TABLE, name)(name##_Args * args) { return (PJRT_Error*)quireDoubleCall(TABLE, SLOT_##name, args); }
#define DEFINE_V(name) \
  static void JOIN(call, TABLE, name)(name##_Args * args) { quireDoubleCall(TABLE, SLOT_##name, args); }
#define DEFINE_U(name) \
  static PJRT_Error* JOIN(call, TABLE, name)(void* args) { return (PJRT_Error*)quireDoubleCall(TABLE, SLOT_##name, args); }
#define FILL(name) .name = JOIN(call, TABLE, name),
#define TABLE_NAME_(n) table_##n
#define TABLE_NAME(n) TABLE_NAME_(n)

PJRT_SLOTS(DEFINE_F, DEFINE_V, DEFINE_U)

static const PJRT_Api TABLE_NAME(TABLE) = {
    .struct_size = sizeof(PJRT_Api),
    .pjrt_api_version = {.struct_size = PJRT_SIZE(PJRT_Api_Version, minor_version),
                         .major_version = PJRT_API_MAJOR,
                         .minor_version = PJRT_API_MINOR},
    PJRT_SLOTS(FILL, FILL, FILL)};

#undef JOIN_
#undef JOIN
#undef DEFINE_F
#undef DEFINE_V
#undef DEFINE_U
#undef FILL
#undef TABLE_NAME_
#undef TABLE_NAME
#undef TABLE
