/* Synthesizes a text to a WAV file of 32-bit floats:
 *
 *     speak VOICE ONNXRUNTIME TEXT FILE.wav [SPEAKER]
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kalakan.h"

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, kalakan_error());
    return 1;
}

static void put(FILE *file, uint32_t value, int bytes) {
    for (int byte = 0; byte < bytes; byte++) {
        fputc((int)(value >> (8 * byte) & 0xff), file);
    }
}

static int write_wav(const char *name, const kalakan_audio *audio) {
    FILE *file = fopen(name, "wb");
    if (file == NULL) {
        return -1;
    }
    uint32_t size = (uint32_t)(audio->length * sizeof(float));
    fputs("RIFF", file);
    put(file, 36 + size, 4);
    fputs("WAVEfmt ", file);
    put(file, 16, 4);                     /* size of this chunk */
    put(file, 3, 2);                      /* floats */
    put(file, 1, 2);                      /* one channel */
    put(file, audio->sample_rate, 4);
    put(file, audio->sample_rate * 4, 4); /* bytes per second */
    put(file, 4, 2);                      /* bytes per sample */
    put(file, 32, 2);                     /* bits per sample */
    fputs("data", file);
    put(file, size, 4);
    for (size_t index = 0; index < audio->length; index++) {
        uint32_t bits;
        memcpy(&bits, &audio->samples[index], sizeof bits);
        put(file, bits, 4);
    }
    int is_bad = ferror(file);
    return fclose(file) != 0 || is_bad ? -1 : 0;
}

int main(int count, char **arguments) {
    if (count < 5 || count > 6) {
        fprintf(stderr, "usage: %s VOICE ONNXRUNTIME TEXT FILE.wav [SPEAKER]\n", arguments[0]);
        return 2;
    }
    kalakan_voice *voice;
    if (kalakan_open(arguments[1], arguments[2], 1, &voice) != KALAKAN_OK) {
        return failed(arguments[1]);
    }
    kalakan_options options;
    kalakan_options_init(&options);
    options.speaker = count == 6 ? arguments[5] : NULL;
    kalakan_audio audio;
    kalakan_status status = kalakan_synthesize(voice, arguments[3], &options, &audio);
    kalakan_close(voice);
    if (status != KALAKAN_OK) {
        return failed(arguments[3]);
    }
    int is_bad = write_wav(arguments[4], &audio);
    kalakan_audio_free(&audio);
    if (is_bad) {
        perror(arguments[4]);
        return 1;
    }
    return 0;
}
