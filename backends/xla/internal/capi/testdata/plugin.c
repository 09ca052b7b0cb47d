// A PJRT plugin for the tests of package capi: one device, no buffers, and programs that are "compiled" by copying.
// Macros given to the compiler make it wrong in one way or another.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pjrt.h"

#ifndef MAJOR
#define MAJOR 0
#endif
#ifndef MINOR
#define MINOR 104
#endif
#ifndef NAME
#define NAME "first"
#endif

struct PJRT_Error {
  PJRT_Error_Code code;
  char message[100];
};
struct PJRT_Client {
  int unused;
};
struct PJRT_Device {
  int unused;
};
struct PJRT_DeviceDescription {
  int unused;
};
struct PJRT_LoadedExecutable {
  char program[100];
  int made; // 1 compiled, 2 restored
};

static PJRT_Client client;
static PJRT_Device device;
static PJRT_Device* devices[] = {&device};
static PJRT_DeviceDescription description;

static PJRT_Error* fail(PJRT_Error_Code code, const char* text) {
  PJRT_Error* e = calloc(1, sizeof *e);
  e->code = code;
  snprintf(e->message, sizeof e->message, "%s says: %s", NAME, text);
  return e;
}

#define F(name) static PJRT_Error* do_##name(name##_Args* a)
static void do_PJRT_Error_Destroy(PJRT_Error_Destroy_Args* a) { free(a->error); }
static void do_PJRT_Error_Message(PJRT_Error_Message_Args* a) {
  a->message = a->error->message;
  a->message_size = strlen(a->error->message);
}
F(PJRT_Error_GetCode) { return a->code = a->error->code, NULL; }
F(PJRT_Plugin_Initialize) {
  static int times;
  return times++ ? fail(PJRT_Error_Code_ALREADY_EXISTS, "I am initialized already") : NULL;
}
F(PJRT_Plugin_Attributes) { return a->num_attributes = 0, NULL; }
F(PJRT_Event_Destroy) { return NULL; }
F(PJRT_Event_Await) { return NULL; }
F(PJRT_Client_Create) {
  if (a->num_options) return fail(PJRT_Error_Code_INVALID_ARGUMENT, "I take no options");
  return a->client = &client, NULL;
}
F(PJRT_Client_Destroy) { return NULL; }
F(PJRT_Client_PlatformName) { return a->platform_name = NAME, a->platform_name_size = strlen(NAME), NULL; }
F(PJRT_Client_PlatformVersion) { return a->platform_version = "1", a->platform_version_size = 1, NULL; }
F(PJRT_Client_ProcessIndex) { return a->process_index = 0, NULL; }
F(PJRT_Client_Devices) { return a->devices = devices, a->num_devices = 1, NULL; }
F(PJRT_Client_AddressableDevices) { return a->addressable_devices = devices, a->num_addressable_devices = 1, NULL; }
F(PJRT_Client_DefaultDeviceAssignment) { return a->default_assignment[0] = 0, NULL; }
F(PJRT_Device_GetDescription) { return a->device_description = &description, NULL; }
F(PJRT_Device_IsAddressable) { return a->is_addressable = true, NULL; }
F(PJRT_Device_LocalHardwareId) { return a->local_hardware_id = 0, NULL; }
F(PJRT_DeviceDescription_ProcessIndex) { return a->process_index = 0, NULL; }
F(PJRT_DeviceDescription_DebugString) { return a->debug_string = NAME, a->debug_string_size = strlen(NAME), NULL; }
F(PJRT_Device_MemoryStats) {
  a->bytes_in_use = 100;
  a->peak_bytes_in_use = 200; // not set: it does not count
  a->bytes_limit = 300;
  a->bytes_limit_is_set = true;
  return NULL;
}
F(PJRT_Client_BufferFromHostBuffer) { return fail(PJRT_Error_Code_RESOURCE_EXHAUSTED, "I have no memory"); }
F(PJRT_Buffer_Destroy) { return NULL; }
F(PJRT_Buffer_ElementType) { return NULL; }
F(PJRT_Buffer_Dimensions) { return NULL; }
F(PJRT_Buffer_Device) { return NULL; }
F(PJRT_Buffer_ToHostBuffer) { return NULL; }

static PJRT_LoadedExecutable* make(const char* program, size_t size, int made) {
  PJRT_LoadedExecutable* e = calloc(1, sizeof *e);
  memcpy(e->program, program, size < sizeof e->program ? size : sizeof e->program - 1);
  e->made = made;
  return e;
}
F(PJRT_Client_Compile) {
  if (!strncmp(a->program->code, "bad", 3)) return fail(PJRT_Error_Code_INVALID_ARGUMENT, "bad program");
  return a->executable = make(a->program->code, a->program->code_size, 1), NULL;
}
// The executable is the loaded one itself.
F(PJRT_LoadedExecutable_GetExecutable) { return a->executable = (PJRT_Executable*)a->loaded_executable, NULL; }
F(PJRT_LoadedExecutable_Destroy) { return free(a->executable), NULL; }
F(PJRT_LoadedExecutable_Execute) { return fail(PJRT_Error_Code_INTERNAL, "I run nothing"); }
F(PJRT_Executable_Destroy) { return NULL; }
F(PJRT_Executable_Name) {
  a->executable_name = ((PJRT_LoadedExecutable*)a->executable)->program;
  return a->executable_name_size = strlen(a->executable_name), NULL;
}
F(PJRT_Executable_NumOutputs) { return a->num_outputs = 1, NULL; }
F(PJRT_Executable_GetCompiledMemoryStats) {
  return a->generated_code_size_in_bytes = ((PJRT_LoadedExecutable*)a->executable)->made, NULL;
}
static void delete_bytes(PJRT_SerializedExecutable* bytes) { free(bytes); }
F(PJRT_Executable_Serialize) {
  const char* program = ((PJRT_LoadedExecutable*)a->executable)->program;
  if (!strncmp(program, "unwritable", 10)) return fail(PJRT_Error_Code_UNIMPLEMENTED, "not this one");
  a->serialized_bytes = strdup(program);
  a->serialized_bytes_size = strlen(program);
  a->serialized_executable = (PJRT_SerializedExecutable*)a->serialized_bytes;
  a->serialized_executable_deleter = delete_bytes;
  return NULL;
}
F(PJRT_Executable_DeserializeAndLoad) {
  if (a->serialized_executable_size >= 10 && !strncmp(a->serialized_executable, "unreadable", 10))
    return fail(PJRT_Error_Code_INTERNAL, "not this one either");
  return a->loaded_executable = make(a->serialized_executable, a->serialized_executable_size, 2), NULL;
}

static PJRT_Api api = {
#define S(name) .name = do_##name
    S(PJRT_Error_Destroy), S(PJRT_Error_Message), S(PJRT_Error_GetCode), S(PJRT_Plugin_Initialize),
    S(PJRT_Plugin_Attributes), S(PJRT_Event_Destroy), S(PJRT_Event_Await), S(PJRT_Client_Create), S(PJRT_Client_Destroy),
    S(PJRT_Client_PlatformName), S(PJRT_Client_PlatformVersion), S(PJRT_Client_ProcessIndex), S(PJRT_Client_Devices),
    S(PJRT_Client_AddressableDevices), S(PJRT_Client_DefaultDeviceAssignment), S(PJRT_Client_Compile),
    S(PJRT_Client_BufferFromHostBuffer), S(PJRT_Device_GetDescription), S(PJRT_Device_IsAddressable),
    S(PJRT_Device_LocalHardwareId), S(PJRT_Device_MemoryStats), S(PJRT_DeviceDescription_ProcessIndex),
    S(PJRT_DeviceDescription_DebugString), S(PJRT_Executable_Destroy), S(PJRT_Executable_Name),
    S(PJRT_Executable_NumOutputs), S(PJRT_Executable_Serialize), S(PJRT_Executable_DeserializeAndLoad),
    S(PJRT_Executable_GetCompiledMemoryStats), S(PJRT_LoadedExecutable_Destroy),
    S(PJRT_LoadedExecutable_GetExecutable), S(PJRT_LoadedExecutable_Execute), S(PJRT_Buffer_Destroy),
    S(PJRT_Buffer_ElementType), S(PJRT_Buffer_Dimensions), S(PJRT_Buffer_Device), S(PJRT_Buffer_ToHostBuffer),
    .pjrt_api_version = {.struct_size = sizeof(PJRT_Api_Version), .major_version = MAJOR, .minor_version = MINOR},
#ifdef SIZE
    .struct_size = SIZE,
#else
    .struct_size = sizeof(PJRT_Api),
#endif
};

#ifdef NEEDS_LIBRARY
extern int missing_function(void);
#endif

#ifdef TALKS
__attribute__((constructor)) static void talk(void) {
  fprintf(stderr, "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n");
  fprintf(stderr, "I0000 00:00:1795254447.371019   24892 cudart_stub.cc:31] a note\n");
  fprintf(stderr, "I1121 09:47:27.379604   24892 cuda_linux.go:86] a note of a Go program\n");
  fprintf(stderr, "a line of somebody else\n");
  fprintf(stderr, "E1121 09:47:27.383899   24892 cuda/cuda_platform.cc:57] an error\n");
  for (int i = 0; i < 5000; i++) fprintf(stderr, "I0000 00:00:1795254447.371019   24892 cudart_stub.cc:31] much\n");
#ifdef DIES
  fprintf(stderr, "F0000 00:00:1795254311.473031    9123 parse_flags_from_env.cc:234] the reason\n");
  abort();
#endif
  fprintf(stderr, "half a line");
}
#endif

#ifdef NO_ENTRY
#define ENTRY GetOtherApi
#else
#define ENTRY GetPjrtApi
#endif

const PJRT_Api* ENTRY(void);
const PJRT_Api* ENTRY(void) {
#ifdef LACKS
  api.LACKS = NULL;
#endif
#ifdef NEEDS_LIBRARY
  if (missing_function()) return NULL;
#endif
#ifdef NO_TABLE
  return (void)&api, NULL;
#elif defined(ODD_TABLE)
  return (const PJRT_Api*)((char*)&api + 1);
#else
  return &api;
#endif
}
