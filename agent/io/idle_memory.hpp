// What an idle agent gives back to its device: the heap of the frames that went, and the pages of code that only the start
// or the last stream needed.
#pragma once

namespace proxima::agent {

/// Frees what the heap does not use, and unmaps the pages of programs and libraries that can be read from their files again
/// (code and constants, never data). Takes about 0.1 ms; what is still needed comes back page by page. Any thread.
void give_back_idle_memory();

}  // namespace proxima::agent
