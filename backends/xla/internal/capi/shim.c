//go:build cgo && (linux || darwin)

#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// ---- Errors of our own ----
// They travel through the same functions as the plugin's, of which nothing is known but their addresses; so ours are
// in a list, and what is not in it is the plugin's.

typedef struct own_error {
  struct own_error* next;
  PJRT_Error_Code code;
  const char* message;
} own_error;

static pthread_mutex_t errors_mu = PTHREAD_MUTEX_INITIALIZER;
static own_error* errors;

static PJRT_Error* new_error(PJRT_Error_Code code, const char* message) {
  own_error* e = malloc(sizeof *e);
  if (!e) abort(); // as Go does without memory
  e->code = code;
  e->message = message;
  pthread_mutex_lock(&errors_mu);
  e->next = errors;
  errors = e;
  pthread_mutex_unlock(&errors_mu);
  return (PJRT_Error*)e;
}

// Returns the error if it is ours, and takes it out of the list if asked to.
static own_error* find_error(const PJRT_Error* error, bool take) {
  own_error* found = NULL;
  pthread_mutex_lock(&errors_mu);
  for (own_error** e = &errors; *e; e = &(*e)->next) {
    if ((PJRT_Error*)*e == error) {
      found = *e;
      if (take) *e = found->next;
      break;
    }
  }
  pthread_mutex_unlock(&errors_mu);
  return found;
}

// ---- Functions that a plugin does not have ----

#define MISSING(name)                                                                                           \
  static PJRT_Error* missing_##name(void* args) {                                                               \
    (void)args;                                                                                                 \
    return new_error(PJRT_Error_Code_UNIMPLEMENTED, "the plugin is too old for, or lacks, the function " #name); \
  }
#define NOTHING(name)
PJRT_SLOTS(MISSING, NOTHING, MISSING)

// ---- Places ----

typedef struct {
  bool used;
  PJRT_Api real;   // the plugin's table, completed
  PJRT_Api* given; // the one that go-xla sees
  bool* initialized;
  pthread_mutex_t mu;
  PJRT_Client* client; // made last, NULL if it is destroyed; guarded by mu
} place;

static place places[QUIRE_PLACES];
static pthread_mutex_t places_mu = PTHREAD_MUTEX_INITIALIZER;

static void error_destroy(place* p, PJRT_Error_Destroy_Args* args) {
  own_error* e = find_error(args->error, true);
  if (e) {
    free(e);
  } else {
    p->real.PJRT_Error_Destroy(args);
  }
}

static void error_message(place* p, PJRT_Error_Message_Args* args) {
  own_error* e = find_error(args->error, false);
  if (e) {
    args->message = e->message;
    args->message_size = strlen(e->message);
  } else {
    p->real.PJRT_Error_Message(args);
  }
}

static PJRT_Error* error_code(place* p, PJRT_Error_GetCode_Args* args) {
  own_error* e = find_error(args->error, false);
  if (!e) return p->real.PJRT_Error_GetCode(args);
  args->code = e->code;
  return NULL;
}

static PJRT_Error* error_payload(place* p, PJRT_Error_ForEachPayload_Args* args) {
  if (find_error(args->error, false)) return NULL; // ours have none
  return p->real.PJRT_Error_ForEachPayload(args);
}

static PJRT_Error* client_create(place* p, PJRT_Client_Create_Args* args) {
  PJRT_Error* error = p->real.PJRT_Client_Create(args);
  if (!error) {
    pthread_mutex_lock(&p->mu);
    p->client = args->client;
    pthread_mutex_unlock(&p->mu);
  }
  return error;
}

static PJRT_Error* client_destroy(place* p, PJRT_Client_Destroy_Args* args) {
  pthread_mutex_lock(&p->mu);
  if (p->client == args->client) p->client = NULL;
  pthread_mutex_unlock(&p->mu);
  return p->real.PJRT_Client_Destroy(args);
}

static PJRT_Error* plugin_initialize(place* p, PJRT_Plugin_Initialize_Args* args) {
  static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
  if (!p->initialized) return p->real.PJRT_Plugin_Initialize(args);
  pthread_mutex_lock(&mu);
  PJRT_Error* error = *p->initialized ? NULL : p->real.PJRT_Plugin_Initialize(args);
  if (!error) *p->initialized = true;
  pthread_mutex_unlock(&mu);
  return error;
}

extern PJRT_Error* quireCompile(int place, PJRT_Client_Compile_Args* args); // compile.go

static PJRT_Error* client_compile(place* p, PJRT_Client_Compile_Args* args) {
  return quireCompile((int)(p - places), args);
}

// The functions of place n.
#define FUNCTION(result, name, args, n) \
  static result name##_##n(args* a) { return name(&places[n], a); }
#define FUNCTIONS(n)                                                               \
  FUNCTION(void, error_destroy, PJRT_Error_Destroy_Args, n)                        \
  FUNCTION(void, error_message, PJRT_Error_Message_Args, n)                        \
  FUNCTION(PJRT_Error*, error_code, PJRT_Error_GetCode_Args, n)                    \
  FUNCTION(PJRT_Error*, error_payload, PJRT_Error_ForEachPayload_Args, n)          \
  FUNCTION(PJRT_Error*, plugin_initialize, PJRT_Plugin_Initialize_Args, n)         \
  FUNCTION(PJRT_Error*, client_create, PJRT_Client_Create_Args, n)                 \
  FUNCTION(PJRT_Error*, client_destroy, PJRT_Client_Destroy_Args, n)               \
  FUNCTION(PJRT_Error*, client_compile, PJRT_Client_Compile_Args, n)

#define SIXTEEN(F, h)                                                                            \
  F(0x##h##0) F(0x##h##1) F(0x##h##2) F(0x##h##3) F(0x##h##4) F(0x##h##5) F(0x##h##6) F(0x##h##7) \
  F(0x##h##8) F(0x##h##9) F(0x##h##a) F(0x##h##b) F(0x##h##c) F(0x##h##d) F(0x##h##e) F(0x##h##f)
#define ALL_PLACES(F) SIXTEEN(F, 0) SIXTEEN(F, 1) SIXTEEN(F, 2) SIXTEEN(F, 3)

ALL_PLACES(FUNCTIONS)

static const struct {
  void (*error_destroy)(PJRT_Error_Destroy_Args*);
  void (*error_message)(PJRT_Error_Message_Args*);
  PJRT_Error* (*error_code)(PJRT_Error_GetCode_Args*);
  PJRT_Error* (*error_payload)(PJRT_Error_ForEachPayload_Args*);
  PJRT_Error* (*plugin_initialize)(PJRT_Plugin_Initialize_Args*);
  PJRT_Error* (*client_create)(PJRT_Client_Create_Args*);
  PJRT_Error* (*client_destroy)(PJRT_Client_Destroy_Args*);
  PJRT_Error* (*client_compile)(PJRT_Client_Compile_Args*);
} functions[] = {
#define ROW(n)                                                                   \
  {error_destroy_##n,     error_message_##n, error_code_##n,     error_payload_##n, \
   plugin_initialize_##n, client_create_##n, client_destroy_##n, client_compile_##n},
    ALL_PLACES(ROW)};

_Static_assert(sizeof functions / sizeof functions[0] == QUIRE_PLACES, "a row per place");

// ---- Tables ----

#define LAST PJRT_Executable_ParameterMemoryKinds // of PJRT_SLOTS

_Static_assert(PJRT_SIZE(PJRT_Api, LAST) == sizeof(PJRT_Api), "LAST is the last slot");

// Copies what the plugin has of the functions that are known here; the others become NULL.
static void copy_table(PJRT_Api* to, const PJRT_Api* from) {
  memset(to, 0, sizeof *to);
  memcpy(to, from, from->struct_size < sizeof *to ? from->struct_size : sizeof *to);
  to->struct_size = sizeof *to;
}

// The functions that go-xla calls in every program: without one of them nothing works.
#define NEEDED(F)                                                                                                    \
  F(PJRT_Error_Destroy) F(PJRT_Error_Message) F(PJRT_Error_GetCode) F(PJRT_Plugin_Initialize)                        \
  F(PJRT_Plugin_Attributes) F(PJRT_Event_Destroy) F(PJRT_Event_Await) F(PJRT_Client_Create) F(PJRT_Client_Destroy)   \
  F(PJRT_Client_PlatformName) F(PJRT_Client_PlatformVersion) F(PJRT_Client_ProcessIndex) F(PJRT_Client_Devices)      \
  F(PJRT_Client_AddressableDevices) F(PJRT_Client_DefaultDeviceAssignment) F(PJRT_Client_Compile)                    \
  F(PJRT_Client_BufferFromHostBuffer) F(PJRT_Device_GetDescription) F(PJRT_Device_IsAddressable)                     \
  F(PJRT_Device_LocalHardwareId) F(PJRT_DeviceDescription_ProcessIndex) F(PJRT_DeviceDescription_DebugString)        \
  F(PJRT_Executable_Destroy) F(PJRT_Executable_Name) F(PJRT_Executable_NumOutputs)                                   \
  F(PJRT_Executable_GetCompiledMemoryStats) F(PJRT_LoadedExecutable_Destroy) F(PJRT_LoadedExecutable_GetExecutable)  \
  F(PJRT_LoadedExecutable_Execute) F(PJRT_Buffer_Destroy) F(PJRT_Buffer_ElementType) F(PJRT_Buffer_Dimensions)       \
  F(PJRT_Buffer_Device) F(PJRT_Buffer_ToHostBuffer)

int quire_check(uintptr_t address, int* major, int* minor, size_t* size, const char** missing) {
  const PJRT_Api* table = (const PJRT_Api*)address;
  if (!table) return QUIRE_NULL;
  if (address % sizeof(void*)) return QUIRE_UNALIGNED;
  *size = table->struct_size;
  // Less than the version is no table; and no interface has eight thousand functions.
  if (*size < PJRT_SIZE(PJRT_Api, pjrt_api_version)) return QUIRE_SHORT;
  if (*size > 1 << 16) return QUIRE_ABSURD;
  *major = table->pjrt_api_version.major_version;
  *minor = table->pjrt_api_version.minor_version;
  PJRT_Api copy;
  copy_table(&copy, table);
#define LOOK(name) \
  if (!copy.name) { \
    *missing = #name; \
    return QUIRE_MISSING; \
  }
  NEEDED(LOOK)
  return QUIRE_OK;
}

static void complete(PJRT_Api* table) {
#define FILL(name) \
  if (!table->name) *(void**)&table->name = (void*)missing_##name;
  PJRT_SLOTS(FILL, NOTHING, FILL)
}

int quire_place(uintptr_t table, bool caching, bool* initialized) {
  pthread_mutex_lock(&places_mu);
  int n = 0;
  while (n < QUIRE_PLACES && places[n].used) n++;
  if (n < QUIRE_PLACES) places[n].used = true;
  pthread_mutex_unlock(&places_mu);
  if (n == QUIRE_PLACES) return -1;

  place* p = &places[n];
  // go-xla keeps the pointer for ever, so a table is never used again for another plugin, though its place may be.
  p->given = malloc(sizeof *p->given);
  if (!p->given) abort();
  pthread_mutex_init(&p->mu, NULL);
  p->client = NULL;
  p->initialized = initialized;
  copy_table(&p->real, (const PJRT_Api*)table);
  complete(&p->real);
  *p->given = p->real;
  p->given->PJRT_Error_Destroy = functions[n].error_destroy;
  p->given->PJRT_Error_Message = functions[n].error_message;
  p->given->PJRT_Error_GetCode = functions[n].error_code;
  p->given->PJRT_Error_ForEachPayload = functions[n].error_payload;
  p->given->PJRT_Plugin_Initialize = functions[n].plugin_initialize;
  p->given->PJRT_Client_Create = functions[n].client_create;
  p->given->PJRT_Client_Destroy = functions[n].client_destroy;
  if (caching) p->given->PJRT_Client_Compile = functions[n].client_compile;
  return n;
}

void quire_leave(int n) {
  pthread_mutex_destroy(&places[n].mu);
  pthread_mutex_lock(&places_mu);
  places[n].used = false;
  pthread_mutex_unlock(&places_mu);
}

PJRT_Api* quire_given(int n) { return places[n].given; }

// ---- Libraries ----

void* quire_open(const char* path, char** message) {
  dlerror();
  void* library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  const char* text = library ? NULL : dlerror();
  *message = text ? strdup(text) : NULL;
  return library;
}

void* quire_symbol(void* library, const char* name) { return dlsym(library, name); }

void quire_close(void* library) { dlclose(library); }

uintptr_t quire_table(void* get_pjrt_api) {
  const PJRT_Api* (*get)(void);
  *(void**)&get = get_pjrt_api;
  return (uintptr_t)get();
}

// ---- Calls of the plugin ----

// Frees an error of the plugin, or of missing_, and returns its text.
static char* text_of(place* p, PJRT_Error* error) {
  if (!error) return NULL;
  PJRT_Error_Message_Args message = {.struct_size = PJRT_SIZE(PJRT_Error_Message_Args, message_size), .error = error};
  error_message(p, &message);
  char* text = message.message ? strndup(message.message, message.message_size) : strdup("an error without a text");
  PJRT_Error_Destroy_Args destroy = {.struct_size = PJRT_SIZE(PJRT_Error_Destroy_Args, error), .error = error};
  error_destroy(p, &destroy);
  return text;
}

// Calls a function of the plugin that fills in args, and returns the text of its error.
#define CALL(p, name, args, last) \
  ((args)->struct_size = PJRT_SIZE(name##_Args, last), text_of(p, (p)->real.name(args)))

PJRT_Error* quire_compile(int n, PJRT_Client_Compile_Args* args) { return places[n].real.PJRT_Client_Compile(args); }

char* quire_deserialize(int n, PJRT_Client* client, const void* bytes, size_t size, PJRT_LoadedExecutable** loaded) {
  PJRT_Executable_DeserializeAndLoad_Args args = {
      .client = client, .serialized_executable = bytes, .serialized_executable_size = size};
  char* error = CALL(&places[n], PJRT_Executable_DeserializeAndLoad, &args, overridden_serialized_compile_options_size);
  *loaded = args.loaded_executable;
  return error;
}

void quire_destroy_executable(int n, PJRT_LoadedExecutable* loaded) {
  PJRT_LoadedExecutable_Destroy_Args args = {.executable = loaded};
  free(CALL(&places[n], PJRT_LoadedExecutable_Destroy, &args, executable));
}

static char* get_executable(place* p, PJRT_LoadedExecutable* loaded, PJRT_Executable** executable) {
  PJRT_LoadedExecutable_GetExecutable_Args args = {.loaded_executable = loaded};
  char* error = CALL(p, PJRT_LoadedExecutable_GetExecutable, &args, executable);
  *executable = args.executable;
  return error;
}

static void destroy_executable(place* p, PJRT_Executable* executable) {
  PJRT_Executable_Destroy_Args args = {.executable = executable};
  free(CALL(p, PJRT_Executable_Destroy, &args, executable));
}

char* quire_inspect(int n, PJRT_LoadedExecutable* loaded, size_t* outputs) {
  place* p = &places[n];
  PJRT_Executable* executable;
  char* error = get_executable(p, loaded, &executable);
  if (error) return error;
  PJRT_Executable_Name_Args name = {.executable = executable};
  PJRT_Executable_NumOutputs_Args count = {.executable = executable};
  PJRT_Executable_GetCompiledMemoryStats_Args memory = {.executable = executable};
  error = CALL(p, PJRT_Executable_Name, &name, executable_name_size);
  if (!error) error = CALL(p, PJRT_Executable_NumOutputs, &count, num_outputs);
  if (!error) error = CALL(p, PJRT_Executable_GetCompiledMemoryStats, &memory, peak_unpadded_heap_bytes);
  *outputs = count.num_outputs;
  destroy_executable(p, executable);
  return error;
}

char* quire_serialize(int n, PJRT_LoadedExecutable* loaded, PJRT_Executable_Serialize_Args* out) {
  place* p = &places[n];
  PJRT_Executable* executable;
  char* error = get_executable(p, loaded, &executable);
  if (error) return error;
  memset(out, 0, sizeof *out);
  out->executable = executable;
  error = CALL(p, PJRT_Executable_Serialize, out, serialized_executable_deleter);
  destroy_executable(p, executable);
  return error;
}

void quire_serialize_done(PJRT_Executable_Serialize_Args* out) {
  if (out->serialized_executable_deleter) out->serialized_executable_deleter(out->serialized_executable);
}

char* quire_platform(int n, PJRT_Client* client, PJRT_Client_PlatformName_Args* name,
                     PJRT_Client_PlatformVersion_Args* version) {
  memset(name, 0, sizeof *name);
  memset(version, 0, sizeof *version);
  name->client = version->client = client;
  char* error = CALL(&places[n], PJRT_Client_PlatformName, name, platform_name_size);
  if (!error) error = CALL(&places[n], PJRT_Client_PlatformVersion, version, platform_version_size);
  return error;
}

char* quire_devices(int n, PJRT_Client* client, PJRT_Client_AddressableDevices_Args* out) {
  memset(out, 0, sizeof *out);
  out->client = client;
  return CALL(&places[n], PJRT_Client_AddressableDevices, out, num_addressable_devices);
}

char* quire_kind(int n, PJRT_Device* device, PJRT_DeviceDescription_Kind_Args* out) {
  PJRT_Device_GetDescription_Args description = {.device = device};
  char* error = CALL(&places[n], PJRT_Device_GetDescription, &description, device_description);
  if (error) return error;
  memset(out, 0, sizeof *out);
  out->device_description = description.device_description;
  return CALL(&places[n], PJRT_DeviceDescription_Kind, out, device_kind_size);
}

bool quire_memory(int n, int device, PJRT_Device_MemoryStats_Args* out) {
  place* p = &places[n];
  PJRT_Client_AddressableDevices_Args devices;
  char* error = NULL;
  bool known = false;
  pthread_mutex_lock(&p->mu); // the client is not destroyed meanwhile
  if (p->client) {
    error = quire_devices(n, p->client, &devices);
    if (!error && device >= 0 && (size_t)device < devices.num_addressable_devices) {
      memset(out, 0, sizeof *out);
      out->device = devices.addressable_devices[device];
      error = CALL(p, PJRT_Device_MemoryStats, out, peak_pool_bytes_is_set);
      known = !error;
    }
  }
  pthread_mutex_unlock(&p->mu);
  free(error);
  return known;
}
