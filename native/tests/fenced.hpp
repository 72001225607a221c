// Memory of so many elements and not one more: it ends, or begins, where a page that nobody may touch begins, or ends. The library is compiled without the
// sanitizers, which therefore see nothing of what it does; the hardware does. Blocks are kept by their number of pages and used again.
#ifndef FENCED_HPP
#define FENCED_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "check.h"

class fence {
public:
    // at_end: a byte beyond is fenced off; else a byte before.
    fence(std::size_t bytes, bool at_end) : pages_((bytes + page() - 1) / page())
    {
        std::vector<std::uint8_t *> &free = kept()[pages_];
        if (free.empty()) {
            void *block = mmap(nullptr, (pages_ + 2) * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            CHECK(block != MAP_FAILED);
            block_ = static_cast<std::uint8_t *>(block);
            CHECK(pages_ == 0 || mprotect(block_ + page(), pages_ * page(), PROT_READ | PROT_WRITE) == 0);
        } else {
            block_ = free.back();
            free.pop_back();
        }
        start_ = block_ + page() + (at_end ? pages_ * page() - bytes : 0);
    }
    ~fence() { kept()[pages_].push_back(block_); }
    fence(const fence &) = delete;
    fence &operator=(const fence &) = delete;

    void *start() const { return start_; }

private:
    static std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

    static std::map<std::size_t, std::vector<std::uint8_t *>> &kept()
    {
        static std::map<std::size_t, std::vector<std::uint8_t *>> blocks;
        return blocks;
    }

    std::size_t pages_;
    std::uint8_t *block_, *start_;
};

// An array of plain elements in such memory.
template <typename T>
class fenced {
public:
    fenced(std::size_t count, bool at_end) : count_(count), memory_(count * sizeof(T), at_end) {}

    T *data() const { return static_cast<T *>(memory_.start()); }
    std::size_t size() const { return count_; }
    T *begin() const { return data(); }
    T *end() const { return data() + count_; }

private:
    std::size_t count_;
    fence memory_;
};

#endif
