/* A shared object as the gate expects it, and, by one macro each, as it must not be. */
typedef void (*function)(void);
static volatile int done;
static void work(void) { ++done; }

#if defined(IS_FUNCTION)
void proxima_object_v1(void) { work(); }
#elif defined(OTHER_NAME)
struct { function table[20]; } const proxima_object_v9 = {{work}};
#else
struct { function table[20]; } const proxima_object_v1 = {{work}};
#endif

#if defined(CONSTRUCTOR)
__attribute__((constructor)) static void at_load(void) { ++done; }
#elif defined(DESTRUCTOR)
__attribute__((destructor)) static void at_unload(void) { ++done; }
#elif defined(INIT)
void _init(void) { ++done; }
#elif defined(EXTRA_SYMBOL)
int second_symbol = 1;
#elif defined(UNDEFINED_SYMBOL)
extern int from_elsewhere;
int* const* proxima_use(void);
static int* const elsewhere __attribute__((used)) = &from_elsewhere;
#elif defined(RESOLVER)
static function choose(void) { return work; }
static void chosen(void) __attribute__((ifunc("choose")));
__attribute__((used)) static const function keep = chosen;
#elif defined(THREAD_LOCAL)
__thread int of_thread __attribute__((visibility("hidden"), used)) = 3;
#endif
