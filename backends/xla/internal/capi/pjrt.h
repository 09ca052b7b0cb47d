// The part of the C interface of PJRT plugins that this engine, its test double and go-xla use: layouts of structs,
// numbers of enumerations, order of the function table. It describes minor version 104, the one that go-xla v0.4.3
// is built with; a test compares every offset, size and number here with go-xla's header.
//
// Rules of the interface
//   - Every function takes one struct of arguments and returns an error, or NULL. Fields marked "out" are filled in by it.
//   - A struct begins with its size as the caller knows it, without padding at its end, and a list of extensions
//     (normally NULL). Later versions only append fields, so a size says which version its writer had.
//   - The function table grows in the same way; a function that is not there is a slot beyond struct_size, or NULL.
#ifndef QUIRE_PJRT_H
#define QUIRE_PJRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PJRT_API_MAJOR 0
#define PJRT_API_MINOR 104

// The size that goes into struct_size: up to the end of the last field.
#define PJRT_SIZE(type, last) (offsetof(type, last) + sizeof(((type*)0)->last))

#define PJRT_HEAD       \
  size_t struct_size;   \
  PJRT_Extension_Base* extension_start

// Objects that only the plugin can look into.
typedef struct PJRT_Error PJRT_Error;
typedef struct PJRT_Event PJRT_Event;
typedef struct PJRT_Client PJRT_Client;
typedef struct PJRT_Device PJRT_Device;
typedef struct PJRT_DeviceDescription PJRT_DeviceDescription;
typedef struct PJRT_Memory PJRT_Memory;
typedef struct PJRT_Executable PJRT_Executable;
typedef struct PJRT_LoadedExecutable PJRT_LoadedExecutable;
typedef struct PJRT_Buffer PJRT_Buffer;
typedef struct PJRT_ExecuteContext PJRT_ExecuteContext;
typedef struct PJRT_SerializedExecutable PJRT_SerializedExecutable;
typedef struct PJRT_DeviceAssignmentSerialized PJRT_DeviceAssignmentSerialized;
typedef struct PJRT_MultiSlice_Config PJRT_MultiSlice_Config;

// An extension: a struct whose first fields are these. type is a number out of the interface's list of extensions.
typedef struct PJRT_Extension_Base {
  size_t struct_size;
  int type;
  struct PJRT_Extension_Base* next;
} PJRT_Extension_Base;

typedef struct PJRT_Api_Version {
  PJRT_HEAD;
  int major_version;
  int minor_version;
} PJRT_Api_Version;

// ---- Errors: the status codes of Abseil and gRPC ----

typedef enum {
  PJRT_Error_Code_OK = 0,
  PJRT_Error_Code_CANCELLED = 1,
  PJRT_Error_Code_UNKNOWN = 2,
  PJRT_Error_Code_INVALID_ARGUMENT = 3,
  PJRT_Error_Code_DEADLINE_EXCEEDED = 4,
  PJRT_Error_Code_NOT_FOUND = 5,
  PJRT_Error_Code_ALREADY_EXISTS = 6,
  PJRT_Error_Code_PERMISSION_DENIED = 7,
  PJRT_Error_Code_RESOURCE_EXHAUSTED = 8,
  PJRT_Error_Code_FAILED_PRECONDITION = 9,
  PJRT_Error_Code_ABORTED = 10,
  PJRT_Error_Code_OUT_OF_RANGE = 11,
  PJRT_Error_Code_UNIMPLEMENTED = 12,
  PJRT_Error_Code_INTERNAL = 13,
  PJRT_Error_Code_UNAVAILABLE = 14,
  PJRT_Error_Code_DATA_LOSS = 15,
  PJRT_Error_Code_UNAUTHENTICATED = 16
} PJRT_Error_Code;

typedef struct PJRT_Error_Destroy_Args {
  PJRT_HEAD;
  PJRT_Error* error;
} PJRT_Error_Destroy_Args;

typedef struct PJRT_Error_Message_Args {
  PJRT_HEAD;
  const PJRT_Error* error;
  const char* message; // out; lives as long as the error
  size_t message_size; // out
} PJRT_Error_Message_Args;

typedef struct PJRT_Error_GetCode_Args {
  PJRT_HEAD;
  const PJRT_Error* error;
  PJRT_Error_Code code; // out
} PJRT_Error_GetCode_Args;

typedef void (*PJRT_Error_PayloadVisitor)(const char* key, size_t key_size, const char* value, size_t value_size,
                                          void* user_arg);

typedef struct PJRT_Error_ForEachPayload_Args {
  PJRT_HEAD;
  const PJRT_Error* error;
  PJRT_Error_PayloadVisitor visitor; // called once per payload, before the function returns
  void* user_arg;
} PJRT_Error_ForEachPayload_Args;

// Makes an error out of a callback that the plugin calls.
typedef PJRT_Error* (*PJRT_CallbackError)(PJRT_Error_Code code, const char* message, size_t message_size);

// ---- Plugins ----

typedef enum {
  PJRT_NamedValue_kString = 0,
  PJRT_NamedValue_kInt64 = 1,
  PJRT_NamedValue_kInt64List = 2,
  PJRT_NamedValue_kFloat = 3,
  PJRT_NamedValue_kBool = 4
} PJRT_NamedValue_Type;

// An option of a client, or an attribute of a plugin or device. value_size counts bytes of a string, elements of a
// list, and is 1 for the others.
typedef struct PJRT_NamedValue {
  PJRT_HEAD;
  const char* name;
  size_t name_size;
  PJRT_NamedValue_Type type;
  union {
    const char* string_value;
    int64_t int64_value;
    const int64_t* int64_array_value;
    float float_value;
    bool bool_value;
  };
  size_t value_size;
} PJRT_NamedValue;

typedef struct PJRT_Plugin_Initialize_Args {
  PJRT_HEAD;
} PJRT_Plugin_Initialize_Args;

typedef struct PJRT_Plugin_Attributes_Args {
  PJRT_HEAD;
  const PJRT_NamedValue* attributes; // out; lives as long as the plugin
  size_t num_attributes;             // out
} PJRT_Plugin_Attributes_Args;

// ---- Events: something that ends later, well or with an error ----

typedef struct PJRT_Event_Destroy_Args {
  PJRT_HEAD;
  PJRT_Event* event;
} PJRT_Event_Destroy_Args;

typedef struct PJRT_Event_IsReady_Args {
  PJRT_HEAD;
  PJRT_Event* event;
  bool is_ready; // out
} PJRT_Event_IsReady_Args;

typedef struct PJRT_Event_Error_Args { // of an event that is ready
  PJRT_HEAD;
  PJRT_Event* event;
} PJRT_Event_Error_Args;

typedef struct PJRT_Event_Await_Args {
  PJRT_HEAD;
  PJRT_Event* event;
} PJRT_Event_Await_Args;

typedef void (*PJRT_Event_OnReadyCallback)(PJRT_Error* error, void* user_arg); // owns the error

typedef struct PJRT_Event_OnReady_Args {
  PJRT_HEAD;
  PJRT_Event* event;
  PJRT_Event_OnReadyCallback callback;
  void* user_arg;
} PJRT_Event_OnReady_Args;

// ---- Clients ----

// The store of keys and values through which processes of one computation meet.
typedef struct PJRT_KeyValueGetCallback_Args {
  PJRT_HEAD;
  const char* key;
  size_t key_size;
  int timeout_in_ms;
  PJRT_CallbackError* callback_error;
  void* user_arg;
  char* value;                                 // out
  size_t value_size;                           // out
  void (*value_deleter_callback)(char* value); // out
} PJRT_KeyValueGetCallback_Args;

typedef struct PJRT_KeyValueTryGetCallback_Args {
  PJRT_HEAD;
  const char* key;
  size_t key_size;
  PJRT_CallbackError* callback_error;
  void* user_arg;
  char* value;                                 // out
  size_t value_size;                           // out
  void (*value_deleter_callback)(char* value); // out
} PJRT_KeyValueTryGetCallback_Args;

typedef struct PJRT_KeyValuePutCallback_Args {
  PJRT_HEAD;
  const char* key;
  size_t key_size;
  const char* value;
  size_t value_size;
  PJRT_CallbackError* callback_error;
  void* user_arg;
} PJRT_KeyValuePutCallback_Args;

typedef PJRT_Error* (*PJRT_KeyValueGetCallback)(PJRT_KeyValueGetCallback_Args* args);
typedef PJRT_Error* (*PJRT_KeyValueTryGetCallback)(PJRT_KeyValueTryGetCallback_Args* args);
typedef PJRT_Error* (*PJRT_KeyValuePutCallback)(PJRT_KeyValuePutCallback_Args* args);

typedef struct PJRT_Client_Create_Args {
  PJRT_HEAD;
  const PJRT_NamedValue* create_options;
  size_t num_options;
  PJRT_KeyValueGetCallback kv_get_callback;
  void* kv_get_user_arg;
  PJRT_KeyValuePutCallback kv_put_callback;
  void* kv_put_user_arg;
  PJRT_Client* client; // out
  PJRT_KeyValueTryGetCallback kv_try_get_callback;
  void* kv_try_get_user_arg;
} PJRT_Client_Create_Args;

typedef struct PJRT_Client_Destroy_Args {
  PJRT_HEAD;
  PJRT_Client* client;
} PJRT_Client_Destroy_Args;

typedef struct PJRT_Client_PlatformName_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  const char* platform_name; // out; lives as long as the client
  size_t platform_name_size; // out
} PJRT_Client_PlatformName_Args;

typedef struct PJRT_Client_PlatformVersion_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  const char* platform_version; // out; lives as long as the client
  size_t platform_version_size; // out
} PJRT_Client_PlatformVersion_Args;

typedef struct PJRT_Client_ProcessIndex_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  int process_index; // out
} PJRT_Client_ProcessIndex_Args;

typedef struct PJRT_Client_Devices_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  PJRT_Device* const* devices; // out; lives as long as the client
  size_t num_devices;          // out
} PJRT_Client_Devices_Args;

typedef struct PJRT_Client_AddressableDevices_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  PJRT_Device* const* addressable_devices; // out; lives as long as the client
  size_t num_addressable_devices;          // out
} PJRT_Client_AddressableDevices_Args;

typedef struct PJRT_Client_LookupDevice_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  int id;
  PJRT_Device* device; // out
} PJRT_Client_LookupDevice_Args;

typedef struct PJRT_Client_LookupAddressableDevice_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  int local_hardware_id;
  PJRT_Device* addressable_device; // out
} PJRT_Client_LookupAddressableDevice_Args;

typedef struct PJRT_Client_AddressableMemories_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  PJRT_Memory* const* addressable_memories; // out; lives as long as the client
  size_t num_addressable_memories;          // out
} PJRT_Client_AddressableMemories_Args;

typedef struct PJRT_Client_DefaultDeviceAssignment_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  int num_replicas;
  int num_partitions;
  size_t default_assignment_size; // num_replicas · num_partitions
  int* default_assignment;        // out: filled in row by row, a row per replica
} PJRT_Client_DefaultDeviceAssignment_Args;

// format is "mlir" (text or bytecode), "hlo" or "hlo_with_config" (both serialized protocol buffers).
typedef struct PJRT_Program {
  PJRT_HEAD;
  char* code;
  size_t code_size;
  const char* format;
  size_t format_size;
} PJRT_Program;

typedef struct PJRT_Client_Compile_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  const PJRT_Program* program;
  const char* compile_options; // a serialized CompileOptionsProto
  size_t compile_options_size;
  PJRT_LoadedExecutable* executable; // out
} PJRT_Client_Compile_Args;

// ---- Devices ----

typedef struct PJRT_DeviceDescription_Id_Args {
  PJRT_HEAD;
  PJRT_DeviceDescription* device_description;
  int id; // out
} PJRT_DeviceDescription_Id_Args;

typedef struct PJRT_DeviceDescription_ProcessIndex_Args {
  PJRT_HEAD;
  PJRT_DeviceDescription* device_description;
  int process_index; // out
} PJRT_DeviceDescription_ProcessIndex_Args;

typedef struct PJRT_DeviceDescription_Attributes_Args {
  PJRT_HEAD;
  PJRT_DeviceDescription* device_description;
  size_t num_attributes;             // out
  const PJRT_NamedValue* attributes; // out
} PJRT_DeviceDescription_Attributes_Args;

typedef struct PJRT_DeviceDescription_Kind_Args {
  PJRT_HEAD;
  PJRT_DeviceDescription* device_description;
  const char* device_kind; // out
  size_t device_kind_size; // out
} PJRT_DeviceDescription_Kind_Args;

typedef struct PJRT_DeviceDescription_DebugString_Args {
  PJRT_HEAD;
  PJRT_DeviceDescription* device_description;
  const char* debug_string; // out
  size_t debug_string_size; // out
} PJRT_DeviceDescription_DebugString_Args;

typedef struct PJRT_DeviceDescription_ToString_Args {
  PJRT_HEAD;
  PJRT_DeviceDescription* device_description;
  const char* to_string; // out
  size_t to_string_size; // out
} PJRT_DeviceDescription_ToString_Args;

typedef struct PJRT_Device_GetDescription_Args {
  PJRT_HEAD;
  PJRT_Device* device;
  PJRT_DeviceDescription* device_description; // out
} PJRT_Device_GetDescription_Args;

typedef struct PJRT_Device_IsAddressable_Args {
  PJRT_HEAD;
  PJRT_Device* device;
  bool is_addressable; // out
} PJRT_Device_IsAddressable_Args;

typedef struct PJRT_Device_LocalHardwareId_Args {
  PJRT_HEAD;
  PJRT_Device* device;
  int local_hardware_id; // out; -1 if there is none
} PJRT_Device_LocalHardwareId_Args;

typedef struct PJRT_Device_DefaultMemory_Args {
  PJRT_HEAD;
  PJRT_Device* device;
  PJRT_Memory* memory; // out
} PJRT_Device_DefaultMemory_Args;

// Bytes, all out. A plugin must know bytes_in_use; the others count if their flag is set.
typedef struct PJRT_Device_MemoryStats_Args {
  PJRT_HEAD;
  PJRT_Device* device;
  int64_t bytes_in_use;
  int64_t peak_bytes_in_use;
  bool peak_bytes_in_use_is_set;
  int64_t num_allocs;
  bool num_allocs_is_set;
  int64_t largest_alloc_size;
  bool largest_alloc_size_is_set;
  int64_t bytes_limit;
  bool bytes_limit_is_set;
  int64_t bytes_reserved;
  bool bytes_reserved_is_set;
  int64_t peak_bytes_reserved;
  bool peak_bytes_reserved_is_set;
  int64_t bytes_reservable_limit;
  bool bytes_reservable_limit_is_set;
  int64_t largest_free_block_bytes;
  bool largest_free_block_bytes_is_set;
  int64_t pool_bytes;
  bool pool_bytes_is_set;
  int64_t peak_pool_bytes;
  bool peak_pool_bytes_is_set;
} PJRT_Device_MemoryStats_Args;

// ---- Buffers ----

typedef enum {
  PJRT_Buffer_Type_INVALID = 0,
  PJRT_Buffer_Type_PRED = 1,
  PJRT_Buffer_Type_S8 = 2,
  PJRT_Buffer_Type_S16 = 3,
  PJRT_Buffer_Type_S32 = 4,
  PJRT_Buffer_Type_S64 = 5,
  PJRT_Buffer_Type_U8 = 6,
  PJRT_Buffer_Type_U16 = 7,
  PJRT_Buffer_Type_U32 = 8,
  PJRT_Buffer_Type_U64 = 9,
  PJRT_Buffer_Type_F16 = 10,
  PJRT_Buffer_Type_F32 = 11,
  PJRT_Buffer_Type_F64 = 12,
  PJRT_Buffer_Type_BF16 = 13,
  PJRT_Buffer_Type_C64 = 14,
  PJRT_Buffer_Type_C128 = 15,
  PJRT_Buffer_Type_F8E5M2 = 16,
  PJRT_Buffer_Type_F8E4M3FN = 17,
  PJRT_Buffer_Type_F8E4M3B11FNUZ = 18,
  PJRT_Buffer_Type_F8E5M2FNUZ = 19,
  PJRT_Buffer_Type_F8E4M3FNUZ = 20,
  PJRT_Buffer_Type_S4 = 21,
  PJRT_Buffer_Type_U4 = 22,
  PJRT_Buffer_Type_TOKEN = 23,
  PJRT_Buffer_Type_S2 = 24,
  PJRT_Buffer_Type_U2 = 25,
  PJRT_Buffer_Type_F8E4M3 = 26,
  PJRT_Buffer_Type_F8E3M4 = 27,
  PJRT_Buffer_Type_F8E8M0FNU = 28,
  PJRT_Buffer_Type_F4E2M1FN = 29,
  PJRT_Buffer_Type_S1 = 30,
  PJRT_Buffer_Type_U1 = 31
} PJRT_Buffer_Type;

// How long the plugin may look at the host's memory that a buffer is made from.
typedef enum {
  PJRT_HostBufferSemantics_kImmutableOnlyDuringCall = 0,
  PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes = 1,
  PJRT_HostBufferSemantics_kImmutableZeroCopy = 2,
  PJRT_HostBufferSemantics_kMutableZeroCopy = 3
} PJRT_HostBufferSemantics;

typedef enum {
  PJRT_Buffer_MemoryLayout_Type_Tiled = 0,
  PJRT_Buffer_MemoryLayout_Type_Strides = 1
} PJRT_Buffer_MemoryLayout_Type;

typedef struct PJRT_Buffer_MemoryLayout_Tiled {
  PJRT_HEAD;
  const int64_t* minor_to_major;
  size_t minor_to_major_size;
  const int64_t* tile_dims;
  const size_t* tile_dim_sizes;
  size_t num_tiles;
} PJRT_Buffer_MemoryLayout_Tiled;

typedef struct PJRT_Buffer_MemoryLayout_Strides {
  PJRT_HEAD;
  const int64_t* byte_strides;
  size_t num_byte_strides;
} PJRT_Buffer_MemoryLayout_Strides;

typedef struct PJRT_Buffer_MemoryLayout {
  PJRT_HEAD;
  union {
    PJRT_Buffer_MemoryLayout_Tiled tiled;
    PJRT_Buffer_MemoryLayout_Strides strides;
  };
  PJRT_Buffer_MemoryLayout_Type type;
} PJRT_Buffer_MemoryLayout;

typedef struct PJRT_Client_BufferFromHostBuffer_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  const void* data;
  PJRT_Buffer_Type type;
  const int64_t* dims;
  size_t num_dims;
  const int64_t* byte_strides; // NULL: dense, last axis fastest
  size_t num_byte_strides;
  PJRT_HostBufferSemantics host_buffer_semantics;
  PJRT_Device* device;
  PJRT_Memory* memory;                     // NULL: the device's default
  PJRT_Buffer_MemoryLayout* device_layout; // NULL: the plugin's choice
  PJRT_Event* done_with_host_buffer;       // out; the caller destroys it
  PJRT_Buffer* buffer;                     // out
} PJRT_Client_BufferFromHostBuffer_Args;

typedef struct PJRT_Client_CreateViewOfDeviceBuffer_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  void* device_buffer_ptr;
  const int64_t* dims;
  size_t num_dims;
  PJRT_Buffer_Type element_type;
  PJRT_Buffer_MemoryLayout* layout;
  PJRT_Device* device;
  void (*on_delete_callback)(void* device_buffer_ptr, void* user_arg); // may be NULL
  void* on_delete_callback_arg;
  intptr_t stream;
  PJRT_Buffer* buffer; // out
  PJRT_Memory* memory;
} PJRT_Client_CreateViewOfDeviceBuffer_Args;

typedef struct PJRT_Buffer_Destroy_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
} PJRT_Buffer_Destroy_Args;

typedef struct PJRT_Buffer_ElementType_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  PJRT_Buffer_Type type; // out
} PJRT_Buffer_ElementType_Args;

typedef struct PJRT_Buffer_Dimensions_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  const int64_t* dims; // out; lives as long as the buffer
  size_t num_dims;     // out
} PJRT_Buffer_Dimensions_Args;

typedef struct PJRT_Buffer_OnDeviceSizeInBytes_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  size_t on_device_size_in_bytes; // out
} PJRT_Buffer_OnDeviceSizeInBytes_Args;

typedef struct PJRT_Buffer_Device_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  PJRT_Device* device; // out
} PJRT_Buffer_Device_Args;

typedef struct PJRT_Buffer_Memory_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  PJRT_Memory* memory; // out
} PJRT_Buffer_Memory_Args;

typedef struct PJRT_Buffer_Delete_Args { // frees the device's memory, keeps the object
  PJRT_HEAD;
  PJRT_Buffer* buffer;
} PJRT_Buffer_Delete_Args;

typedef struct PJRT_Buffer_IsDeleted_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  bool is_deleted; // out
} PJRT_Buffer_IsDeleted_Args;

typedef struct PJRT_Buffer_CopyToDevice_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  PJRT_Device* dst_device;
  PJRT_Buffer* dst_buffer; // out
} PJRT_Buffer_CopyToDevice_Args;

// With dst NULL it only answers how many bytes are needed, in dst_size.
typedef struct PJRT_Buffer_ToHostBuffer_Args {
  PJRT_HEAD;
  PJRT_Buffer* src;
  PJRT_Buffer_MemoryLayout* host_layout; // NULL: that of the device
  void* dst;
  size_t dst_size;
  PJRT_Event* event; // out
} PJRT_Buffer_ToHostBuffer_Args;

typedef struct PJRT_Buffer_IsOnCpu_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  bool is_on_cpu; // out
} PJRT_Buffer_IsOnCpu_Args;

typedef struct PJRT_Buffer_ReadyEvent_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  PJRT_Event* event; // out
} PJRT_Buffer_ReadyEvent_Args;

typedef struct PJRT_Buffer_UnsafePointer_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  uintptr_t buffer_pointer; // out
} PJRT_Buffer_UnsafePointer_Args;

typedef struct PJRT_Buffer_Bitcast_Args {
  PJRT_HEAD;
  PJRT_Buffer* buffer;
  PJRT_Buffer_Type element_type;
  const int64_t* dims;
  size_t num_dims;
  PJRT_Buffer_MemoryLayout* device_layout;
  PJRT_Buffer* out_buffer; // out
} PJRT_Buffer_Bitcast_Args;

// ---- Executables: what was compiled, and what was compiled and is on devices ----

typedef struct PJRT_Executable_Destroy_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
} PJRT_Executable_Destroy_Args;

typedef struct PJRT_Executable_Name_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  const char* executable_name; // out; lives as long as the executable
  size_t executable_name_size; // out
} PJRT_Executable_Name_Args;

typedef struct PJRT_Executable_NumReplicas_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  size_t num_replicas; // out
} PJRT_Executable_NumReplicas_Args;

typedef struct PJRT_Executable_NumPartitions_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  size_t num_partitions; // out
} PJRT_Executable_NumPartitions_Args;

typedef struct PJRT_Executable_NumOutputs_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  size_t num_outputs; // out
} PJRT_Executable_NumOutputs_Args;

typedef struct PJRT_Executable_SizeOfGeneratedCodeInBytes_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  int64_t size_in_bytes; // out
} PJRT_Executable_SizeOfGeneratedCodeInBytes_Args;

typedef struct PJRT_Executable_Fingerprint_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  const char* executable_fingerprint; // out; lives as long as the executable
  size_t executable_fingerprint_size; // out
} PJRT_Executable_Fingerprint_Args;

typedef struct PJRT_Executable_OutputElementTypes_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  PJRT_Buffer_Type* output_types; // out
  size_t num_output_types;        // out
} PJRT_Executable_OutputElementTypes_Args;

typedef struct PJRT_Executable_OutputDimensions_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  size_t num_outputs;
  const int64_t* dims;     // out: those of all outputs, one after the other
  const size_t* dim_sizes; // out: the rank of each output
} PJRT_Executable_OutputDimensions_Args;

// Bytes, all out.
typedef struct PJRT_Executable_GetCompiledMemoryStats_Args {
  PJRT_HEAD;
  PJRT_Executable* executable;
  int64_t generated_code_size_in_bytes;
  int64_t argument_size_in_bytes;
  int64_t output_size_in_bytes;
  int64_t alias_size_in_bytes;
  int64_t temp_size_in_bytes;
  int64_t host_generated_code_size_in_bytes;
  int64_t host_argument_size_in_bytes;
  int64_t host_output_size_in_bytes;
  int64_t host_alias_size_in_bytes;
  int64_t host_temp_size_in_bytes;
  int64_t peak_memory_in_bytes;
  int64_t total_size_in_bytes;
  int64_t total_allocation_bytes;
  int64_t indefinite_allocations;
  int64_t peak_unpadded_heap_bytes;
} PJRT_Executable_GetCompiledMemoryStats_Args;

// The bytes belong to serialized_executable, which the caller gives back to the deleter.
typedef struct PJRT_Executable_Serialize_Args {
  PJRT_HEAD;
  const PJRT_Executable* executable;
  const char* serialized_bytes;                                            // out
  size_t serialized_bytes_size;                                            // out
  PJRT_SerializedExecutable* serialized_executable;                        // out
  void (*serialized_executable_deleter)(PJRT_SerializedExecutable* exec);  // out
} PJRT_Executable_Serialize_Args;

typedef struct PJRT_Executable_DeserializeAndLoad_Args {
  PJRT_HEAD;
  PJRT_Client* client;
  const char* serialized_executable;
  size_t serialized_executable_size;
  PJRT_LoadedExecutable* loaded_executable; // out
  const char* overridden_serialized_compile_options; // NULL: those that it was compiled with
  size_t overridden_serialized_compile_options_size;
} PJRT_Executable_DeserializeAndLoad_Args;

typedef struct PJRT_LoadedExecutable_Destroy_Args {
  PJRT_HEAD;
  PJRT_LoadedExecutable* executable;
} PJRT_LoadedExecutable_Destroy_Args;

typedef struct PJRT_LoadedExecutable_GetExecutable_Args {
  PJRT_HEAD;
  PJRT_LoadedExecutable* loaded_executable;
  PJRT_Executable* executable; // out; the caller destroys it
} PJRT_LoadedExecutable_GetExecutable_Args;

typedef struct PJRT_LoadedExecutable_GetDeviceAssignment_Args {
  PJRT_HEAD;
  PJRT_LoadedExecutable* executable;
  const char* serialized_bytes;                                                         // out: a DeviceAssignmentProto
  size_t serialized_bytes_size;                                                         // out
  PJRT_DeviceAssignmentSerialized* serialized_device_assignment;                        // out
  void (*serialized_device_assignment_deleter)(PJRT_DeviceAssignmentSerialized* bytes); // out
} PJRT_LoadedExecutable_GetDeviceAssignment_Args;

typedef struct PJRT_LoadedExecutable_AddressableDevices_Args {
  PJRT_HEAD;
  PJRT_LoadedExecutable* executable;
  PJRT_Device* const* addressable_devices; // out
  size_t num_addressable_devices;          // out
} PJRT_LoadedExecutable_AddressableDevices_Args;

typedef struct PJRT_LoadedExecutable_Delete_Args { // frees what is on the devices, keeps the object
  PJRT_HEAD;
  PJRT_LoadedExecutable* executable;
} PJRT_LoadedExecutable_Delete_Args;

typedef struct PJRT_LoadedExecutable_IsDeleted_Args {
  PJRT_HEAD;
  PJRT_LoadedExecutable* executable;
  bool is_deleted; // out
} PJRT_LoadedExecutable_IsDeleted_Args;

// Callbacks of send and receive, which are not used here.
typedef struct PJRT_SendCallbackInfo PJRT_SendCallbackInfo;
typedef struct PJRT_RecvCallbackInfo PJRT_RecvCallbackInfo;

typedef struct PJRT_ExecuteOptions {
  PJRT_HEAD;
  PJRT_SendCallbackInfo** send_callbacks;
  PJRT_RecvCallbackInfo** recv_callbacks;
  size_t num_send_ops;
  size_t num_recv_ops;
  int launch_id;
  const int64_t* non_donatable_input_indices; // inputs that must not be overwritten even if the program may
  size_t num_non_donatable_input_indices;
  PJRT_ExecuteContext* context;
  const char* call_location;
  size_t num_tasks;
  int* task_ids;
  int64_t* incarnation_ids;
  PJRT_MultiSlice_Config* multi_slice_config;
} PJRT_ExecuteOptions;

typedef struct PJRT_LoadedExecutable_Execute_Args {
  PJRT_HEAD;
  PJRT_LoadedExecutable* executable;
  PJRT_ExecuteOptions* options;
  PJRT_Buffer* const* const* argument_lists; // [num_devices][num_args]
  size_t num_devices;
  size_t num_args;
  PJRT_Buffer** const* output_lists;   // out: [num_devices][outputs], room from the caller
  PJRT_Event** device_complete_events; // out: [num_devices], room from the caller; may be NULL
  PJRT_Device* execute_device;         // for a portable executable: where to run; else NULL
} PJRT_LoadedExecutable_Execute_Args;

// ---- The function table ----

// PJRT_SLOTS lists the slots in their order, which is the order in which the interface grew. F names a function whose
// arguments are described above, V one that returns nothing, U one that nothing here calls.
#define PJRT_SLOTS(F, V, U)                                                                                            \
  V(PJRT_Error_Destroy) V(PJRT_Error_Message) F(PJRT_Error_GetCode)                                                    \
  F(PJRT_Plugin_Initialize) F(PJRT_Plugin_Attributes)                                                                  \
  F(PJRT_Event_Destroy) F(PJRT_Event_IsReady) F(PJRT_Event_Error) F(PJRT_Event_Await) F(PJRT_Event_OnReady)            \
  F(PJRT_Client_Create) F(PJRT_Client_Destroy) F(PJRT_Client_PlatformName) F(PJRT_Client_ProcessIndex)                 \
  F(PJRT_Client_PlatformVersion) F(PJRT_Client_Devices) F(PJRT_Client_AddressableDevices)                              \
  F(PJRT_Client_LookupDevice) F(PJRT_Client_LookupAddressableDevice) F(PJRT_Client_AddressableMemories)                \
  F(PJRT_Client_Compile) F(PJRT_Client_DefaultDeviceAssignment) F(PJRT_Client_BufferFromHostBuffer)                    \
  F(PJRT_DeviceDescription_Id) F(PJRT_DeviceDescription_ProcessIndex) F(PJRT_DeviceDescription_Attributes)             \
  F(PJRT_DeviceDescription_Kind) F(PJRT_DeviceDescription_DebugString) F(PJRT_DeviceDescription_ToString)              \
  F(PJRT_Device_GetDescription) F(PJRT_Device_IsAddressable) F(PJRT_Device_LocalHardwareId)                            \
  U(PJRT_Device_AddressableMemories) F(PJRT_Device_DefaultMemory) F(PJRT_Device_MemoryStats)                           \
  U(PJRT_Memory_Id) U(PJRT_Memory_Kind) U(PJRT_Memory_DebugString) U(PJRT_Memory_ToString)                             \
  U(PJRT_Memory_AddressableByDevices)                                                                                  \
  F(PJRT_Executable_Destroy) F(PJRT_Executable_Name) F(PJRT_Executable_NumReplicas) F(PJRT_Executable_NumPartitions)   \
  F(PJRT_Executable_NumOutputs) F(PJRT_Executable_SizeOfGeneratedCodeInBytes) U(PJRT_Executable_GetCostAnalysis)       \
  U(PJRT_Executable_OutputMemoryKinds) U(PJRT_Executable_OptimizedProgram) F(PJRT_Executable_Serialize)                \
  F(PJRT_LoadedExecutable_Destroy) F(PJRT_LoadedExecutable_GetExecutable) F(PJRT_LoadedExecutable_AddressableDevices)  \
  F(PJRT_LoadedExecutable_Delete) F(PJRT_LoadedExecutable_IsDeleted) F(PJRT_LoadedExecutable_Execute)                  \
  F(PJRT_Executable_DeserializeAndLoad) U(PJRT_LoadedExecutable_Fingerprint)                                           \
  F(PJRT_Buffer_Destroy) F(PJRT_Buffer_ElementType) F(PJRT_Buffer_Dimensions) U(PJRT_Buffer_UnpaddedDimensions)        \
  U(PJRT_Buffer_DynamicDimensionIndices) U(PJRT_Buffer_GetMemoryLayout) F(PJRT_Buffer_OnDeviceSizeInBytes)             \
  F(PJRT_Buffer_Device) F(PJRT_Buffer_Memory) F(PJRT_Buffer_Delete) F(PJRT_Buffer_IsDeleted)                           \
  F(PJRT_Buffer_CopyToDevice) F(PJRT_Buffer_ToHostBuffer) F(PJRT_Buffer_IsOnCpu) F(PJRT_Buffer_ReadyEvent)             \
  F(PJRT_Buffer_UnsafePointer) U(PJRT_Buffer_IncreaseExternalReferenceCount)                                           \
  U(PJRT_Buffer_DecreaseExternalReferenceCount) U(PJRT_Buffer_OpaqueDeviceMemoryDataPointer)                           \
  U(PJRT_CopyToDeviceStream_Destroy) U(PJRT_CopyToDeviceStream_AddChunk) U(PJRT_CopyToDeviceStream_TotalBytes)         \
  U(PJRT_CopyToDeviceStream_GranuleSize) U(PJRT_CopyToDeviceStream_CurrentBytes)                                       \
  U(PJRT_TopologyDescription_Create) U(PJRT_TopologyDescription_Destroy) U(PJRT_TopologyDescription_PlatformName)      \
  U(PJRT_TopologyDescription_PlatformVersion) U(PJRT_TopologyDescription_GetDeviceDescriptions)                        \
  U(PJRT_TopologyDescription_Serialize) U(PJRT_TopologyDescription_Attributes)                                         \
  U(PJRT_Compile) F(PJRT_Executable_OutputElementTypes) F(PJRT_Executable_OutputDimensions)                            \
  U(PJRT_Buffer_CopyToMemory) F(PJRT_Client_CreateViewOfDeviceBuffer) F(PJRT_Executable_Fingerprint)                   \
  U(PJRT_Client_TopologyDescription) F(PJRT_Executable_GetCompiledMemoryStats) U(PJRT_Memory_Kind_Id)                  \
  U(PJRT_ExecuteContext_Create) U(PJRT_ExecuteContext_Destroy) U(PJRT_Buffer_CopyRawToHost)                            \
  U(PJRT_AsyncHostToDeviceTransferManager_Destroy) U(PJRT_AsyncHostToDeviceTransferManager_TransferData)               \
  U(PJRT_Client_CreateBuffersForAsyncHostToDevice) U(PJRT_AsyncHostToDeviceTransferManager_RetrieveBuffer)             \
  U(PJRT_AsyncHostToDeviceTransferManager_Device) U(PJRT_AsyncHostToDeviceTransferManager_BufferCount)                 \
  U(PJRT_AsyncHostToDeviceTransferManager_BufferSize) U(PJRT_AsyncHostToDeviceTransferManager_SetBufferError)          \
  U(PJRT_AsyncHostToDeviceTransferManager_AddMetadata) U(PJRT_Client_DmaMap) U(PJRT_Client_DmaUnmap)                   \
  U(PJRT_Client_CreateUninitializedBuffer) U(PJRT_Client_UpdateGlobalProcessInfo)                                      \
  U(PJRT_TopologyDescription_Deserialize) U(PJRT_Client_CreateAliasBuffer) U(PJRT_Client_FulfillAliasBuffer)           \
  F(PJRT_LoadedExecutable_GetDeviceAssignment)                                                                         \
  U(PJRT_Client_CreateErrorBuffer) U(PJRT_AsyncHostToDeviceTransferManager_TransferLiteral)                            \
  U(PJRT_Buffer_CopyRawToHostFuture) U(PJRT_Device_PoisonExecution) U(PJRT_Device_CreateAsyncTrackingEvent)            \
  U(PJRT_AsyncTrackingEvent_Destroy) U(PJRT_Executable_GetCompileOptions)                                              \
  U(PJRT_Buffer_DonateWithControlDependency) U(PJRT_Event_Create) U(PJRT_Event_Set) U(PJRT_Device_GetAttributes)       \
  U(PJRT_Client_Load) U(PJRT_LoadedExecutable_AddressableDeviceLogicalIds) F(PJRT_Buffer_Bitcast)                      \
  F(PJRT_Error_ForEachPayload) U(PJRT_TopologyDescription_Fingerprint) U(PJRT_Executable_ParameterMemoryKinds)

#define PJRT_FIELD_F(name) PJRT_Error* (*name)(name##_Args* args);
#define PJRT_FIELD_V(name) void (*name)(name##_Args* args);
#define PJRT_FIELD_U(name) void* name;

// What a plugin's GetPjrtApi returns.
typedef struct PJRT_Api {
  PJRT_HEAD;
  PJRT_Api_Version pjrt_api_version;
  PJRT_SLOTS(PJRT_FIELD_F, PJRT_FIELD_V, PJRT_FIELD_U)
} PJRT_Api;

#endif // QUIRE_PJRT_H
