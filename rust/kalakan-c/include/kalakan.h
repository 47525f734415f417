/* libkalakan: text-to-speech for Twi (Akan) from C.
 *
 * Open a voice once and use it from any number of threads. All strings are UTF-8 and zero-terminated. Functions that
 * can fail return a kalakan_status; kalakan_error() returns the reason. Samples match Python's
 * Synthesizer(engine="onnx"): mono, in [-1, 1].
 *
 * Synthesis needs a voice folder and onnxruntime's shared library (1.16 or newer), which is loaded when the first voice
 * is opened and stays loaded.
 */
#ifndef KALAKAN_H
#define KALAKAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kalakan_status {
    KALAKAN_OK = 0,
    KALAKAN_ARGUMENT = 1,    /* an invalid argument or option */
    KALAKAN_TEXT = 2,        /* nothing to pronounce, or, with strict, text without a reading */
    KALAKAN_VOICE = 3,       /* a voice that is missing, damaged, or for another version */
    KALAKAN_RUNTIME = 4,     /* onnxruntime cannot be loaded, or failed */
    KALAKAN_UNSUPPORTED = 5, /* a feature that only the Python package has */
    KALAKAN_INTERNAL = 6,    /* a bug in Kalakan */
    KALAKAN_STOPPED = 7      /* the sink requested a stop */
} kalakan_status;

/* An open voice. */
typedef struct kalakan_voice kalakan_voice;

/* Settings of a synthesis. Initialize them with kalakan_options_init, then change what you need. */
typedef struct kalakan_options {
    size_t size;            /* set by kalakan_options_init: do not change it */
    const char *speaker;    /* name of a speaker, or a mix such as "akosua:0.6,esi:0.4"; NULL: the voice's first */
    const char *tones;      /* "predicted" or "written": tones of words without marks; NULL: the voice's default */
    double speed;           /* tempo factor, 0.5 to 2 */
    double pitch;           /* pitch shift in semitones, -12 to 12 */
    double pitch_range;     /* factor of log F0 around the speaker's mean, 0 (monotone) to 2 */
    double volume;          /* gain in decibels, -20 to 12 */
    double energy;          /* the same gain as a factor of the amplitude, 0.25 to 4 */
    double sentence_pause;  /* seconds of silence added between sentences, 0 to 60 */
    double paragraph_pause; /* seconds added between paragraphs, on top of sentence_pause (default 0.4) */
    double heading_pause;   /* seconds added after a heading (default 0.5) */
    double scene_pause;     /* seconds added at a scene break (default 1) */
    double lead_in;         /* seconds of silence before the first sound, 0 to 10 */
    uint32_t seed;          /* seed of the vocoder's noise */
    int strict;             /* nonzero: text without a reading is an error instead of being skipped */
} kalakan_options;

/* Audio returned by kalakan_synthesize. */
typedef struct kalakan_audio {
    float *samples;       /* mono, in [-1, 1] */
    size_t length;        /* number of samples */
    uint32_t sample_rate; /* samples per second */
    uint32_t unread;      /* number of parts of the text that have no reading and were skipped */
} kalakan_audio;

/* Called with the samples of each phrase, which are valid until it returns. A nonzero result stops the synthesis. It
 * must not throw C++ exceptions or use longjmp. */
typedef int (*kalakan_sink)(const float *samples, size_t length, void *user);

/* The version, such as "0.1.0". */
const char *kalakan_version(void);

/* The error message of the last failed call in this thread: one line, valid until the next failed call. */
const char *kalakan_error(void);

/* Opens the voice in a folder; *voice is NULL on failure. onnxruntime is the path of its shared library; NULL uses the
 * environment variable KALAKAN_ONNXRUNTIME, otherwise the library that the system finds. threads is the number of CPU
 * threads per request, 1 to 256. The first call sets ORT_DISABLE_TELEMETRY=1 in the environment unless it is already
 * set: call it before other threads change the environment. */
kalakan_status kalakan_open(const char *folder, const char *onnxruntime, uint32_t threads, kalakan_voice **voice);

/* Closes a voice. No thread may be using it; NULL is allowed. */
void kalakan_close(kalakan_voice *voice);

/* Sample rate in Hz; 0 for NULL. */
uint32_t kalakan_sample_rate(const kalakan_voice *voice);

/* Number of speakers; 0 for NULL. */
size_t kalakan_speaker_count(const kalakan_voice *voice);

/* Name of a speaker, valid until the voice is closed; NULL for an index that is too large. */
const char *kalakan_speaker(const kalakan_voice *voice, size_t index);

/* Sets all options to their defaults. */
void kalakan_options_init(kalakan_options *options);

/* Synthesizes a text of any length; options may be NULL. Free the audio with kalakan_audio_free; it is empty on
 * failure. */
kalakan_status kalakan_synthesize(const kalakan_voice *voice, const char *text, const kalakan_options *options, kalakan_audio *audio);

/* Synthesizes the same samples phrase by phrase, each as soon as it is ready. */
kalakan_status kalakan_stream(const kalakan_voice *voice, const char *text, const kalakan_options *options, kalakan_sink sink, void *user);

/* Frees the samples; NULL and empty audio are allowed. */
void kalakan_audio_free(kalakan_audio *audio);

/* Converts a text to words, with numbers, money, dates and the like written out. Needs no voice. Free *result with
 * kalakan_string_free; it is NULL on failure. */
kalakan_status kalakan_normalize(const char *text, char **result);

/* Converts a text to phonemes separated by spaces. tones is "predicted" (also for NULL) or "written". Needs no voice.
 * Free *result with kalakan_string_free. */
kalakan_status kalakan_phonemize(const char *text, const char *tones, char **result);

/* Frees a string from kalakan_normalize or kalakan_phonemize; NULL is allowed. */
void kalakan_string_free(char *string);

#ifdef __cplusplus
}
#endif

#endif
