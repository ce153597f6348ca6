/* content/facts.h - what probing found out about a file. Plain values, no ownership. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char codec[24];   /* "H.264", "HEVC", ...; what people call it */
    char profile[32]; /* "High", ...; "" if unknown */
    unsigned width, height;
    double fps; /* measured over the file, 0 if there is one frame */
    uint64_t frames;
    int64_t first_us;  /* presentation time of the earliest frame */
    bool fits_payload; /* the codec may be sent to browsers at all: H.264 */
    bool b_frames;
    bool interlaced;
    bool several_sets;   /* more than one picture parameter set; a reel keeps one */
    bool variable_size;  /* the picture's size changes in mid-stream */
    unsigned bit_depth;  /* luma, 8 usual */
    unsigned chroma;     /* chroma_format_idc: 1 = 4:2:0 */
    double pixel_aspect; /* width of a pixel by its height, 1 usual */
    int rotation;        /* degrees clockwise the player is asked to turn it by: 0, 90, 180, 270 */
    double first_key_s;  /* from the first frame to the first IDR; negative if there is none */
    double longest_key_gap_s;
    double average_key_gap_s;
    unsigned bitrate_kbps;
} ContentVideoFacts;

typedef struct {
    char codec[24]; /* "AAC", "Opus", "AC-3", "MP3", ... */
    char language[16];
    unsigned channels;
    unsigned rate_hz;
    int64_t first_us;
    bool is_opus;
    unsigned largest_packet_bytes;
    unsigned bitrate_kbps;
} ContentAudioFacts;

typedef struct {
    char container[24]; /* "MP4", "MKV", "MPEG-TS" */
    int64_t duration_us;
    bool has_video, has_audio;
    ContentVideoFacts video;
    ContentAudioFacts audio;
    unsigned more_video, more_audio, others;   /* streams that are left out */
    char unknown_video[48], unknown_audio[48]; /* a stream nobody here can read, by its media type */
} ContentFacts;
