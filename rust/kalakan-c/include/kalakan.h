/* libkalakan: text-to-speech for Twi (Akan) from C.
 *
 * A voice is opened once and used by any number of threads. Every string is UTF-8 and ends in a zero. Functions that
 * may fail return a kalakan_status; kalakan_error() then says why. Samples are those of Python's
 * Synthesizer(engine="onnx"), mono, in [-1, 1].
 *
 * The sounds come from a voice folder and from onnxruntime's shared library (1.16 or newer), which is loaded when the
 * first voice is opened and stays loaded.
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
    KALAKAN_ARGUMENT = 1,    /* an argument or option that cannot be used */
    KALAKAN_TEXT = 2,        /* nothing to pronounce, or, with strict, something that has no reading */
    KALAKAN_VOICE = 3,       /* a voice that is missing, damaged, or made for another version */
    KALAKAN_RUNTIME = 4,     /* onnxruntime cannot be loaded, or failed */
    KALAKAN_UNSUPPORTED = 5, /* what only Python's Kalakan does */
    KALAKAN_INTERNAL = 6,    /* a fault of Kalakan itself */
    KALAKAN_STOPPED = 7      /* the sink asked to stop */
} kalakan_status;

/* A voice that is open. */
typedef struct kalakan_voice kalakan_voice;

/* Settings of a synthesis. Fill them with kalakan_options_init, then change what you need. */
typedef struct kalakan_options {
    size_t size;            /* set by kalakan_options_init: do not change it */
    const char *speaker;    /* a speaker's name, or a mix as "akosua:0.6,esi:0.4"; NULL: the voice's first */
    const char *tones;      /* "predicted" or "written": tones of words without marks; NULL: the voice's choice */
    double speed;           /* factor of the tempo, 0.5 to 2 */
    double pitch;           /* shift in semitones, -12 to 12 */
    double pitch_range;     /* factor of log F0 around the speaker's mean, 0 (monotone) to 2 */
    double volume;          /* gain in decibels, -20 to 12 */
    double energy;          /* the same gain as a factor of the amplitude, 0.25 to 4 */
    double sentence_pause;  /* seconds of silence between sentences, 0 to 60, on top of the voice's own pause */
    double paragraph_pause; /* the same between paragraphs, on top of that of sentences (default 0.4) */
    double heading_pause;   /* the same after a heading (default 0.5) */
    double scene_pause;     /* the same at a scene break (default 1) */
    double lead_in;         /* seconds of silence before the first sound, 0 to 10 */
    uint32_t seed;          /* seed of the vocoder's noise */
    int strict;             /* not 0: text without a reading is an error, and not left out */
} kalakan_options;

/* Audio, as kalakan_synthesize makes it. */
typedef struct kalakan_audio {
    float *samples;       /* mono, in [-1, 1] */
    size_t length;        /* number of samples */
    uint32_t sample_rate; /* samples per second */
    uint32_t unread;      /* stretches of the text that have no reading and were left out */
} kalakan_audio;

/* Gets the samples of one phrase after the other, which live until it returns. Not 0 stops the synthesis. It must not
 * throw C++ exceptions or jump out. */
typedef int (*kalakan_sink)(const float *samples, size_t length, void *user);

/* The version, as in "0.1.0". */
const char *kalakan_version(void);

/* Why the last call of this thread that failed did so: one line, valid until the next such call of this thread. */
const char *kalakan_error(void);

/* Opens the voice in a folder; *voice is NULL where that fails. onnxruntime is the path of its shared library; NULL
 * takes that of the environment variable KALAKAN_ONNXRUNTIME, else the one that the system finds. threads are CPU
 * threads for each request, 1 to 256. The first call sets ORT_DISABLE_TELEMETRY=1 in the environment, unless it is set
 * there already: call it before other threads change the environment. */
kalakan_status kalakan_open(const char *folder, const char *onnxruntime, uint32_t threads, kalakan_voice **voice);

/* Closes a voice that no thread uses any more; NULL is allowed. */
void kalakan_close(kalakan_voice *voice);

/* Samples per second; 0 for NULL. */
uint32_t kalakan_sample_rate(const kalakan_voice *voice);

/* Number of speakers; 0 for NULL. */
size_t kalakan_speaker_count(const kalakan_voice *voice);

/* Name of a speaker, valid until the voice is closed; NULL for an index that is too large. */
const char *kalakan_speaker(const kalakan_voice *voice, size_t index);

/* The defaults. */
void kalakan_options_init(kalakan_options *options);

/* The audio of a text of any length; options may be NULL. Free it with kalakan_audio_free; it is empty where this
 * fails. */
kalakan_status kalakan_synthesize(const kalakan_voice *voice, const char *text, const kalakan_options *options, kalakan_audio *audio);

/* The same samples, phrase by phrase, each as soon as it is there. */
kalakan_status kalakan_stream(const kalakan_voice *voice, const char *text, const kalakan_options *options, kalakan_sink sink, void *user);

/* Frees the samples; NULL, and audio that is empty, are allowed. */
void kalakan_audio_free(kalakan_audio *audio);

/* A text as words: numbers, money, dates and the like are written out. Needs no voice. Free *result with
 * kalakan_string_free; it is NULL where this fails. */
kalakan_status kalakan_normalize(const char *text, char **result);

/* A text as phonemes, with spaces between them. tones is "predicted" (also for NULL) or "written". Needs no voice. Free
 * *result with kalakan_string_free. */
kalakan_status kalakan_phonemize(const char *text, const char *tones, char **result);

/* Frees a string of kalakan_normalize or kalakan_phonemize; NULL is allowed. */
void kalakan_string_free(char *string);

#ifdef __cplusplus
}
#endif

#endif
