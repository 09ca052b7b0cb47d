// The C side of package capi: what has to be C because plugins and go-xla call it, and calls of function pointers,
// which Go cannot make.
#ifndef QUIRE_CAPI_SHIM_H
#define QUIRE_CAPI_SHIM_H

#include "pjrt.h"

// How many plugins can be in between at once. C function pointers carry no data, so every one of them needs functions
// of its own, which are compiled in; and the tests of the engine make a plugin of their own per test.
#define QUIRE_PLACES 64

// What quire_check found.
enum { QUIRE_OK, QUIRE_NULL, QUIRE_UNALIGNED, QUIRE_SHORT, QUIRE_ABSURD, QUIRE_MISSING };

// Looks at a plugin's table without calling into it. major and minor are set unless it is NULL, unaligned, short or absurd;
// size is what the table says of itself; missing names the first function that is not there and without which
// nothing works.
int quire_check(uintptr_t table, int* major, int* minor, size_t* size, const char** missing);

// Puts an interposer in front of the table, which quire_check found good, and returns its number, or -1 if all
// places are taken. caching sends compilations through Go. initialized, if it is not NULL, belongs to a library that is
// loaded several times: it is initialised once.
int quire_place(uintptr_t table, bool caching, bool* initialized);
void quire_leave(int place);
PJRT_Api* quire_given(int place); // the table for go-xla; it stays valid for ever, its functions until quire_leave

void* quire_open(const char* path, char** message);
void* quire_symbol(void* library, const char* name);
void quire_close(void* library);
uintptr_t quire_table(void* get_pjrt_api);

// Calls of the plugin itself. An error is returned as its text, which the caller frees, or NULL.
PJRT_Error* quire_compile(int place, PJRT_Client_Compile_Args* args);
char* quire_deserialize(int place, PJRT_Client* client, const void* bytes, size_t n, PJRT_LoadedExecutable** loaded);
char* quire_inspect(int place, PJRT_LoadedExecutable* loaded, size_t* outputs); // all that go-xla asks of a new executable
void quire_destroy_executable(int place, PJRT_LoadedExecutable* loaded);
char* quire_serialize(int place, PJRT_LoadedExecutable* loaded, PJRT_Executable_Serialize_Args* out);
void quire_serialize_done(PJRT_Executable_Serialize_Args* out);
char* quire_platform(int place, PJRT_Client* client, PJRT_Client_PlatformName_Args* name, PJRT_Client_PlatformVersion_Args* version);
char* quire_devices(int place, PJRT_Client* client, PJRT_Client_AddressableDevices_Args* out);
char* quire_kind(int place, PJRT_Device* device, PJRT_DeviceDescription_Kind_Args* out);

// The memory of a device of the client made last. False if there is no client, no such device, or no figures.
bool quire_memory(int place, int device, PJRT_Device_MemoryStats_Args* out);

#endif // QUIRE_CAPI_SHIM_H
