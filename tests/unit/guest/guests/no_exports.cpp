// A module without a task: nothing registers one.
int nothing_here() { return 1; }
