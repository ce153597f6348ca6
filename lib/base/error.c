#include "lib/base/error.h"

G_DEFINE_QUARK(imstv - base - error, base_error)

/* One table for all protocols: a refusal means the same on every leg. */
static const struct {
    int sip, rtsp, http;
} statuses[] = {
    [BASE_ERROR_INVALID_ARGUMENT] = {400, 400, 400}, [BASE_ERROR_PROTOCOL] = {400, 400, 400},
    [BASE_ERROR_UNAUTHORIZED] = {401, 401, 401},     [BASE_ERROR_FORBIDDEN] = {403, 403, 403},
    [BASE_ERROR_NOT_FOUND] = {404, 404, 404},        [BASE_ERROR_NOT_ACCEPTABLE] = {488, 406, 406},
    [BASE_ERROR_TOO_LARGE] = {513, 413, 413},        [BASE_ERROR_BUSY] = {503, 503, 503},
    [BASE_ERROR_TIMEOUT] = {504, 504, 504},          [BASE_ERROR_UNAVAILABLE] = {503, 503, 503},
    [BASE_ERROR_INTERNAL] = {500, 500, 500},
};

static BaseErrorCode
code_of(const GError *error)
{
    if (error == NULL || error->domain != BASE_ERROR || error->code < 0 ||
        error->code >= (int)G_N_ELEMENTS(statuses))
        return BASE_ERROR_INTERNAL;
    return (BaseErrorCode)error->code;
}

int
base_error_sip_status(const GError *error)
{
    return statuses[code_of(error)].sip;
}

int
base_error_rtsp_status(const GError *error)
{
    return statuses[code_of(error)].rtsp;
}

int
base_error_http_status(const GError *error)
{
    return statuses[code_of(error)].http;
}

BaseErrorCode
base_error_from_status(int status)
{
    switch (status) {
    case 401:
    case 407:
        return BASE_ERROR_UNAUTHORIZED;
    case 403:
    case 603:
        return BASE_ERROR_FORBIDDEN;
    case 404:
    case 410:
    case 451:
    case 454:
    case 481:
    case 604:
        return BASE_ERROR_NOT_FOUND;
    case 406:
    case 415:
    case 488:
    case 606:
        return BASE_ERROR_NOT_ACCEPTABLE;
    case 413:
    case 513:
        return BASE_ERROR_TOO_LARGE;
    case 408:
    case 504:
        return BASE_ERROR_TIMEOUT;
    case 429:
    case 453:
    case 486:
    case 600:
        return BASE_ERROR_BUSY;
    case 480:
    case 502:
    case 503:
        return BASE_ERROR_UNAVAILABLE;
    default:
        return status >= 400 && status < 500 ? BASE_ERROR_PROTOCOL : BASE_ERROR_INTERNAL;
    }
}
