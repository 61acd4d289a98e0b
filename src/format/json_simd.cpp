/* simdjson's first stage behind C; the kernel (AVX-512, AVX2, SSE4.2, scalar) is chosen at run
 * time. Its second stages are not used: DOM refuses numbers it cannot convert, and On-Demand checks
 * only what is asked for. */
#include "format/json_simd.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <simdjson.h>
#pragma GCC diagnostic pop

#include <memory>
#include <new>

struct kn_simd {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
    size_t capacity = 0;
};

namespace
{

constexpr size_t capacity_min = 64 * 1024;

/* Room for len bytes, in powers of two, so that growing texts do not allocate each time. */
bool make_room(kn_simd *simd, size_t len)
{
    size_t capacity = simd->capacity > capacity_min ? simd->capacity : capacity_min;
    while (capacity < len) {
        capacity *= 2;
    }
    if (simd->stage && capacity == simd->capacity) {
        return true;
    }
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES) {
        capacity = simdjson::SIMDJSON_MAXSIZE_BYTES;
    }
    /* The depth is not used by the first stage. */
    simdjson::error_code error =
        simd->stage ? simd->stage->set_capacity(capacity)
                    : simdjson::get_active_implementation()->create_dom_parser_implementation(
                          capacity, 1, simd->stage);
    if (error != simdjson::SUCCESS) {
        simd->stage.reset();
        simd->capacity = 0;
        return false;
    }
    simd->capacity = capacity;
    return true;
}

kn_simd_fault fault_of(simdjson::error_code error)
{
    switch (error) {
    case simdjson::EMPTY: return KN_SIMD_NOTHING;
    case simdjson::UTF8_ERROR: return KN_SIMD_UTF8;
    case simdjson::UNESCAPED_CHARS: return KN_SIMD_CONTROL;
    case simdjson::UNCLOSED_STRING: return KN_SIMD_NOT_CLOSED;
    default: return KN_SIMD_OTHER;
    }
}

} // namespace

extern "C" struct kn_simd *kn_simd_new(void)
{
    return new (std::nothrow) kn_simd;
}

extern "C" void kn_simd_free(struct kn_simd *simd)
{
    delete simd;
}

extern "C" enum kn_rc kn_simd_tokens(struct kn_simd *simd, const char *text, size_t len,
                                     const uint32_t **ret_tokens, uint32_t *ret_count,
                                     enum kn_simd_fault *ret_fault)
{
    *ret_fault = KN_SIMD_OTHER;
    if (len >= simdjson::SIMDJSON_MAXSIZE_BYTES) {
        return KN_E_LIMIT;
    }
    try {
        if (!make_room(simd, len)) {
            return KN_E_NOMEM;
        }
        simdjson::error_code error = simd->stage->stage1(reinterpret_cast<const uint8_t *>(text),
                                                         len, simdjson::stage1_mode::regular);
        if (error == simdjson::MEMALLOC) {
            return KN_E_NOMEM;
        }
        if (error != simdjson::SUCCESS) {
            *ret_fault = fault_of(error);
            return KN_E_INVALID;
        }
    } catch (...) {
        return KN_E_NOMEM; /* nothing in there throws but a failed allocation */
    }
    *ret_tokens = simd->stage->structural_indexes.get();
    *ret_count = simd->stage->n_structural_indexes;
    *ret_fault = KN_SIMD_NONE;
    return KN_OK;
}
