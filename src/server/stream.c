/* Answers that are too large to be made at once: sent piece by piece, each made by a query worker
 * when the one before it has been taken. A connection holds one piece, however much it asked for.
 */
#include "server/call.h"

enum { BLOCK_BYTES = 64 << 10 };

static bool is_closing(const struct kn_call *call)
{
    return atomic_load(&call->loop->server->stopping) || atomic_load(&call->loop->stop);
}

static ssize_t read_piece(void *context, uint64_t position, char *to, size_t most)
{
    struct kn_call *call = context;
    const struct kn_buf *body = &call->response.body;
    (void)position;
    if (body->rc != KN_OK || call->api.failed) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t left = body->len - call->streamed;
    if (left > 0) {
        size_t bytes = left < most ? left : most;
        memcpy(to, body->p + call->streamed, bytes);
        call->streamed += bytes;
        return (ssize_t)bytes;
    }
    if (!call->api.more) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (is_closing(call)) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (call->guest) { /* it waits for us, not we for it */
        kn_guests_leave(&call->loop->guests, call->guest);
    }
    kn_call_to_worker(call);
    return 0;
}

struct MHD_Response *kn_stream_response(struct kn_call *call)
{
    call->state = CALL_STREAMING;
    call->streamed = 0;
    call->suspended = false;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_piece, call, NULL);
}

void kn_stream_resume(struct kn_call *call)
{
    if (call->guest) {
        kn_guests_await(&call->loop->guests, call->guest, false, call->loop->now_ns);
    }
    call->suspended = false;
    MHD_resume_connection(call->connection);
}
