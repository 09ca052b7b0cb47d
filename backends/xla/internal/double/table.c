//go:build cgo && (linux || darwin)

#include "table.h"

// Every call goes to this function of Go, with the numbers of table and slot. It returns an error's handle.
extern uintptr_t quireDoubleCall(int table, int slot, void* args);

// What a deleter got.
extern void quireDoubleBack(void* bytes);

#define QUIRE_NAME(name) #name,
const char* const quireSlotNames[NUM_SLOTS] = {PJRT_SLOTS(QUIRE_NAME, QUIRE_NAME, QUIRE_NAME)};

#define QUIRE_SIZE(name) sizeof(name##_Args),
#define QUIRE_NO_SIZE(name) 0,
const size_t quireArgSizes[NUM_SLOTS] = {PJRT_SLOTS(QUIRE_SIZE, QUIRE_SIZE, QUIRE_NO_SIZE)};

#define TABLE 0
#include "functions.h"
#define TABLE 1
#include "functions.h"
#define TABLE 2
#include "functions.h"
#define TABLE 3
#include "functions.h"
#define TABLE 4
#include "functions.h"
#define TABLE 5
#include "functions.h"
#define TABLE 6
#include "functions.h"
#define TABLE 7
#include "functions.h"
#define TABLE 8
#include "functions.h"
#define TABLE 9
#include "functions.h"
#define TABLE 10
#include "functions.h"
#define TABLE 11
#include "functions.h"
#define TABLE 12
#include "functions.h"
#define TABLE 13
#include "functions.h"
#define TABLE 14
#include "functions.h"
#define TABLE 15
#include "functions.h"

static const PJRT_Api* const tables[NUM_TABLES] = {&table_0,  &table_1,  &table_2,  &table_3, &table_4,  &table_5,
                                                   &table_6,  &table_7,  &table_8,  &table_9, &table_10, &table_11,
                                                   &table_12, &table_13, &table_14, &table_15};

PJRT_Api* quireNewTable(int table) {
  PJRT_Api* api = malloc(sizeof *api);
  if (api) memcpy(api, tables[table], sizeof *api);
  return api;
}

void quireClearSlot(PJRT_Api* api, int slot) { ((void**)&api->PJRT_Error_Destroy)[slot] = NULL; }

// quireAlloc returns memory as devices have it: aligned to 64 bytes, and never NULL because of size 0.
void* quireAlloc(size_t size) {
  void* p = NULL;
  return posix_memalign(&p, 64, size ? size : 1) ? NULL : p;
}

void quireDeleted(void (*callback)(void*, void*), void* memory, void* arg) { callback(memory, arg); }

void quireFreeSerialized(PJRT_SerializedExecutable* bytes) { quireDoubleBack(bytes); }

void quireFreeAssignment(PJRT_DeviceAssignmentSerialized* bytes) { quireDoubleBack(bytes); }
