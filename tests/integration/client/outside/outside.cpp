// What somebody writes who has only installed Proxima: places a task, streams thirty frames, counts the answers.
#include <proxima/client.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto task = proxima::load_task(argv[2]);
  if (!task) return std::fprintf(stderr, "%s\n", task.error().text().c_str()), 2;
  auto client = proxima::Client::connect(argv[1]);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().text().c_str()), 3;

  std::vector<std::uint8_t> pixels(320 * 240, 128);
  const proxima::FrameView frame{pixels, proxima::Format::grey8, 320, 240};
  std::atomic<int> answers{0};
  std::atomic<int> bytes{0};
  proxima::StreamCallbacks callbacks;
  callbacks.on_result = [&](const proxima::FrameResult& result) {
    if (result.status != proxima::FrameStatus::ok) return;
    ++answers;
    bytes += static_cast<int>(result.output.size());
  };
  proxima::PlaceOptions options;
  options.with_contract = false;  // counts are judged here, not times
  auto stream = client->open(*task, frame, options, callbacks);
  if (!stream) return std::fprintf(stderr, "%s\n", stream.error().text().c_str()), 5;
  for (int i = 0; i < 30; ++i) {
    if (const auto sequence = stream->submit(frame); !sequence)
      return std::fprintf(stderr, "%s\n", sequence.error().text().c_str()), 1;
  }
  const bool drained = stream->drain(20'000);
  stream->close(true);
  std::printf("%d answers, %d bytes, on %s\n", answers.load(), bytes.load(), stream->stats().node.c_str());
  return drained && answers == 30 && bytes > 0 ? 0 : 1;
}
