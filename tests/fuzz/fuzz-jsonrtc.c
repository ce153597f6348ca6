/* W2 frames as a stranger may send them: strict JSON, the frame, and its way back to text. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "lib/proto/jsonrtc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_parse((const char *)data, size, NULL, NULL);
    g_autoptr(ProtoJsonrtcFrame) again = NULL;
    g_autofree char *text = frame ? proto_jsonrtc_build(frame) : NULL;
    g_autofree char *summary = frame ? proto_jsonrtc_summary(frame) : NULL;
    double number = 0;

    g_assert_true(!frame || summary);
    if (!frame)
        return 0;
    proto_jsonrtc_header_string(frame, "method");
    proto_jsonrtc_header_number(frame, "scale", &number);
    proto_jsonrtc_payload_string(frame, "sdp");
    again = proto_jsonrtc_parse(text, strlen(text), NULL, NULL);
    /* Escapes may make the text longer than what is taken. */
    g_assert_true(again || strlen(text) > PROTO_JSONRTC_MAX_BYTES);
    return 0;
}
