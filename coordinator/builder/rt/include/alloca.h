/* Named by generated code for tail calls, which are not enabled. */
