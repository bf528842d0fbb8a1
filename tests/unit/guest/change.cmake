# Writes OUTPUT: INPUT with FROM replaced by TO. Fails where FROM is not there exactly once.
file(READ ${INPUT} text)
string(FIND "${text}" "${FROM}" first)
string(FIND "${text}" "${FROM}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "change.cmake: '${FROM}' is not once in ${INPUT}")
endif()
string(REPLACE "${FROM}" "${TO}" text "${text}")
file(WRITE ${OUTPUT} "${text}")
