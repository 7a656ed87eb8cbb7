/* Writes a key log from a program that links OpenSSL 1.1.1 or later: every SSL_CTX gets a callback. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/uio.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_method_st SSL_METHOD;

static int file = -1;

static void line(const SSL *ssl, const char *text) {
    struct iovec parts[] = {{(void *)text, strlen(text)}, {"\n", 1}};
    (void)ssl;
    if (file >= 0) (void)!writev(file, parts, 2);
}

static void hook(SSL_CTX *ctx) {
    void (*set)(SSL_CTX *, void (*)(const SSL *, const char *)) = dlsym(RTLD_DEFAULT, "SSL_CTX_set_keylog_callback");
    if (ctx && set) set(ctx, line);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SSLKEYLOGFILE");
    if (path) file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) {
    SSL_CTX *(*real)(const SSL_METHOD *) = dlsym(RTLD_NEXT, "SSL_CTX_new");
    SSL_CTX *ctx = real ? real(method) : NULL;
    hook(ctx);
    return ctx;
}

SSL_CTX *SSL_CTX_new_ex(void *lib, const char *query, const SSL_METHOD *method) {
    SSL_CTX *(*real)(void *, const char *, const SSL_METHOD *) = dlsym(RTLD_NEXT, "SSL_CTX_new_ex");
    SSL_CTX *ctx = real ? real(lib, query, method) : NULL;
    hook(ctx);
    return ctx;
}
