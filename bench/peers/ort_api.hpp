// The part of ONNX Runtime's C interface that the peer calls.
//
// The interface is a table of functions whose order never changes: a version only adds entries at its end. The npm package brings the
// library without a header, so the entries needed are named here by their place in the table of version 5; a library that does not know that
// version returns no table.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ort {

struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct RunOptions;
struct Value;
struct MemoryInfo;
struct IoBinding;

constexpr uint32_t kVersion = 5;
constexpr int kWarning = 2;           // logging level
constexpr int kAllOptimisations = 99; // graph optimisation level
constexpr int kFloat = 1;             // element type
constexpr int kDeviceAllocator = 0, kDefaultMemory = 0;

enum Place : size_t {
    kGetErrorMessage = 2,
    kCreateEnv = 3,
    kCreateSessionFromArray = 8,
    kCreateSessionOptions = 10,
    kSetSessionGraphOptimizationLevel = 23,
    kSetIntraOpNumThreads = 24,
    kSetInterOpNumThreads = 25,
    kCreateTensorWithDataAsOrtValue = 49,
    kCreateCpuMemoryInfo = 69,
    kReleaseEnv = 92,
    kReleaseStatus = 93,
    kReleaseMemoryInfo = 94,
    kReleaseSession = 95,
    kReleaseValue = 96,
    kReleaseSessionOptions = 100,
    kAddSessionConfigEntry = 130,
    kRunWithBinding = 133,
    kCreateIoBinding = 134,
    kReleaseIoBinding = 135,
    kBindInput = 136,
    kBindOutput = 137,
};

using GetErrorMessage = const char *(const Status *);
using CreateEnv = Status *(int level, const char *id, Env **);
using CreateSessionFromArray = Status *(const Env *, const void *model, size_t bytes, const SessionOptions *, Session **);
using CreateSessionOptions = Status *(SessionOptions **);
using SetNumber = Status *(SessionOptions *, int);
using CreateTensor = Status *(const MemoryInfo *, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, Value **);
using CreateCpuMemoryInfo = Status *(int allocator, int memory, MemoryInfo **);
using AddSessionConfigEntry = Status *(SessionOptions *, const char *key, const char *value);
using RunWithBinding = Status *(Session *, const RunOptions *, const IoBinding *);
using CreateIoBinding = Status *(Session *, IoBinding **);
using Bind = Status *(IoBinding *, const char *name, const Value *);
template <typename Object>
using Release = void(Object *);

struct Base {
    const void *const *(*table)(uint32_t version);
    const char *(*version)();
};

extern "C" const Base *OrtGetApiBase();

// The function at a place of the table.
template <typename Function>
Function *at(Place place) {
    static const void *const *const table = OrtGetApiBase()->table(kVersion);
    return table == nullptr ? nullptr : reinterpret_cast<Function *>(const_cast<void *>(table[place]));
}

}  // namespace ort
