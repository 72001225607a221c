// ONNX Runtime behind the line protocol: one step or a sequence, states as inputs and outputs, all tensors bound once.
#include "onnx_model.hpp"
#include "ort_api.hpp"
#include "protocol.hpp"

#include <algorithm>
#include <cstdlib>

namespace peers {
namespace {

void check(ort::Status *status) {
    if (status == nullptr)
        return;
    const std::string text = ort::at<ort::GetErrorMessage>(ort::kGetErrorMessage)(status);
    ort::at<ort::Release<ort::Status>>(ort::kReleaseStatus)(status);
    throw std::runtime_error(text);
}

template <typename Object, ort::Place place>
struct Releaser {
    void operator()(Object *object) const { ort::at<ort::Release<Object>>(place)(object); }
};

template <typename Object, ort::Place place>
using Owned = std::unique_ptr<Object, Releaser<Object, place>>;
using Env = Owned<ort::Env, ort::kReleaseEnv>;
using Options = Owned<ort::SessionOptions, ort::kReleaseSessionOptions>;
using Session = Owned<ort::Session, ort::kReleaseSession>;
using Memory = Owned<ort::MemoryInfo, ort::kReleaseMemoryInfo>;
using Value = Owned<ort::Value, ort::kReleaseValue>;
using Binding = Owned<ort::IoBinding, ort::kReleaseIoBinding>;

// Floats of our own with the tensor that shows them to the library; 64 bytes aligned, as the library aligns its own.
class Tensor {
public:
    Tensor(const ort::MemoryInfo *memory, const std::vector<int64_t> &shape) {
        count_ = 1;
        for (const int64_t size : shape)
            count_ *= static_cast<size_t>(size);
        const size_t bytes = (count_ * sizeof(float) + 63) / 64 * 64;
        data_.reset(static_cast<float *>(std::aligned_alloc(64, bytes)));
        std::fill_n(data_.get(), count_, 0.0f);
        ort::Value *value = nullptr;
        check(ort::at<ort::CreateTensor>(ort::kCreateTensorWithDataAsOrtValue)(
            memory, data_.get(), count_ * sizeof(float), shape.data(), shape.size(), ort::kFloat, &value));
        value_.reset(value);
    }

    void set(const Floats &values) { std::copy(values.begin(), values.end(), data_.get()); }
    Floats values() const { return Floats(data_.get(), data_.get() + count_); }
    const ort::Value *value() const { return value_.get(); }

private:
    struct Free {
        void operator()(float *data) const { std::free(data); }
    };

    size_t count_;
    std::unique_ptr<float, Free> data_;
    Value value_;
};

class OrtWork final : public Work {
public:
    OrtWork(const ort::Env *env, const ort::MemoryInfo *memory, const ort::SessionOptions *options, const Row &row, const Data &data)
        : row_(row), x_(memory, {row.steps, row.batch, row.input}), y_(memory, {row.steps, 1, row.batch, row.hidden}) {
        const std::string model = onnx_model(row, data);
        ort::Session *session = nullptr;
        check(ort::at<ort::CreateSessionFromArray>(ort::kCreateSessionFromArray)(env, model.data(), model.size(), options, &session));
        session_.reset(session);
        x_.set(data.x);
        for (int set = 0; set < 2; set++)
            for (int l = 0; l < row.layers; l++) {
                states_[set].emplace_back(memory, std::vector<int64_t>{1, row.batch, row.hidden}).set(data.h[l]);
                if (row.has_cell_state())
                    states_[set].emplace_back(memory, std::vector<int64_t>{1, row.batch, row.hidden}).set(data.c[l]);
            }
        bind(0);
        bind(1);
    }

    void unit() override {
        check(run_(session_.get(), nullptr, bindings_[turn_].get()));
        turn_ ^= 1;
    }

    Named<float> results() override {
        Named<float> results;
        const std::vector<Tensor> &last = states_[turn_];  // what the next unit would read
        const int each = row_.has_cell_state() ? 2 : 1;
        for (int l = 0; l < row_.layers; l++) {
            results[name("h", l)] = last[l * each].values();
            if (row_.has_cell_state())
                results[name("c", l)] = last[l * each + 1].values();
        }
        results["y"] = row_.steps == 1 ? results[name("h", row_.layers - 1)] : y_.values();
        return results;
    }

    std::string description() const override { return "CPU provider, one node a layer, tensors bound"; }

private:
    // Binding 0 reads states 0 and writes states 1, binding 1 the other way: a state is never copied.
    void bind(int from) {
        ort::IoBinding *raw = nullptr;
        check(ort::at<ort::CreateIoBinding>(ort::kCreateIoBinding)(session_.get(), &raw));
        bindings_[from].reset(raw);
        const auto input = ort::at<ort::Bind>(ort::kBindInput), output = ort::at<ort::Bind>(ort::kBindOutput);
        check(input(raw, "x", x_.value()));
        if (row_.steps > 1)
            check(output(raw, "y", y_.value()));
        size_t next = 0;
        for (int l = 0; l < row_.layers; l++)
            for (const char *const what : {"h", "c"})
                if (*what == 'h' || row_.has_cell_state()) {
                    check(input(raw, name(what, l).c_str(), states_[from][next].value()));
                    check(output(raw, name((std::string(what) + "n").c_str(), l).c_str(), states_[1 - from][next].value()));
                    next++;
                }
    }

    Row row_;
    Session session_;
    Tensor x_, y_;
    std::vector<Tensor> states_[2];
    Binding bindings_[2];
    ort::RunWithBinding *run_ = ort::at<ort::RunWithBinding>(ort::kRunWithBinding);
    int turn_ = 0;
};

class OrtPeer final : public Peer {
public:
    OrtPeer(int threads, bool spin) : spin_(spin) {
        ort::Env *env = nullptr;
        check(ort::at<ort::CreateEnv>(ort::kCreateEnv)(ort::kWarning, "peer", &env));
        env_.reset(env);
        ort::MemoryInfo *memory = nullptr;
        check(ort::at<ort::CreateCpuMemoryInfo>(ort::kCreateCpuMemoryInfo)(ort::kDeviceAllocator, ort::kDefaultMemory, &memory));
        memory_.reset(memory);
        ort::SessionOptions *options = nullptr;
        check(ort::at<ort::CreateSessionOptions>(ort::kCreateSessionOptions)(&options));
        options_.reset(options);
        check(ort::at<ort::SetNumber>(ort::kSetIntraOpNumThreads)(options, threads));
        check(ort::at<ort::SetNumber>(ort::kSetInterOpNumThreads)(options, 1));
        check(ort::at<ort::SetNumber>(ort::kSetSessionGraphOptimizationLevel)(options, ort::kAllOptimisations));
        const auto entry = ort::at<ort::AddSessionConfigEntry>(ort::kAddSessionConfigEntry);
        check(entry(options, "session.intra_op.allow_spinning", spin ? "1" : "0"));
        check(entry(options, "session.inter_op.allow_spinning", "0"));
    }

    std::string peer_name() const override { return "onnxruntime"; }
    std::string version() const override { return ort::OrtGetApiBase()->version(); }

    std::string details() const override {
        const char *const isa = __builtin_cpu_supports("avx512f") ? "AVX-512" : __builtin_cpu_supports("avx2") ? "AVX2" : "less than AVX2";
        return std::string("CPU offers ") + isa + ", which MLAS chooses its kernels by; graph optimisation all, idle threads " +
               (spin_ ? "spin" : "sleep");
    }

    std::unique_ptr<Work> prepare(const Row &row, const Data &data) override {
        if (row.trains())
            throw Missing("ONNX Runtime's inference library does not train");
        return std::make_unique<OrtWork>(env_.get(), memory_.get(), options_.get(), row, data);
    }

private:
    bool spin_;
    Env env_;
    Memory memory_;
    Options options_;
};

}  // namespace
}  // namespace peers

int main(int count, char **arguments) {
    const int threads = peers::threads_of(count, arguments);
    if (ort::OrtGetApiBase()->table(ort::kVersion) == nullptr)
        return 1;
    const char *const spin = std::getenv("PEER_ORT_SPIN");
    peers::OrtPeer peer(threads, spin != nullptr && *spin == '1');
    return peers::serve(peer, threads);
}
