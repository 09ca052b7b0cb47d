// What the Go side of the double needs of its function tables.
#ifndef QUIRE_DOUBLE_TABLE_H
#define QUIRE_DOUBLE_TABLE_H

#include <stdlib.h>
#include <string.h>

#include "pjrt.h"

// SLOT_PJRT_Client_Create and so on number the slots of the table.
#define QUIRE_SLOT_NUMBER(name) SLOT_##name,
enum { PJRT_SLOTS(QUIRE_SLOT_NUMBER, QUIRE_SLOT_NUMBER, QUIRE_SLOT_NUMBER) NUM_SLOTS };

// Functions of a table have no argument that would say whose they are. So each double that is in use has functions
// of its own, out of this many sets.
enum { NUM_TABLES = 16 };

extern const char* const quireSlotNames[NUM_SLOTS];
extern const size_t quireArgSizes[NUM_SLOTS]; // of the argument structs, with padding; 0 if the header has none

PJRT_Api* quireNewTable(int table);
void quireClearSlot(PJRT_Api* api, int slot);

void* quireAlloc(size_t size);

// quireDeleted calls a caller's function.
void quireDeleted(void (*callback)(void*, void*), void* memory, void* arg);

// Deleters that the double hands out.
void quireFreeSerialized(PJRT_SerializedExecutable* bytes);
void quireFreeAssignment(PJRT_DeviceAssignmentSerialized* bytes);

#endif
