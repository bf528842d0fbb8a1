// Owns the headers that are read once for all tests. A program, so that they are compiled as the tests are; never run.
int main() { return 0; }
