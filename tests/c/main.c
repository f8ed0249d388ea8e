/* suite LIBRARY MODEL FOLDER: exits with 1 if a check failed. */
#include <stdio.h>

#include "suite.h"

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: %s LIBRARY MODEL FOLDER\n", arguments[0]);
        return 2;
    }
    session_model = arguments[2];
    session_folder = arguments[3];
    library_open(arguments[1]);
    test_start();
    test_answer();
    test_cache();
    test_template();
    test_stop();
    test_async();
    test_refuse();
    test_files();
    test_destroy();
    if (library_is_embedded())
        test_extensions();
    return check_failures() == 0 ? 0 : 1;
}
