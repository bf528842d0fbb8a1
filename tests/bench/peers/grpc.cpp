// Frames through one bidirectional stream of gRPC, synchronous on both sides, without TLS.
#include <cstring>
#include <stdexcept>

#include <grpcpp/grpcpp.h>

#include "frame.grpc.pb.h"
#include "tests/bench/peers/peer.hpp"

namespace {

using proxima::bench::Announce;
using proxima::bench::Answer;
using proxima::bench::answer_bytes;
using proxima::bench::Frame;
using proxima::bench::FrameClient;
using proxima::bench::Frames;
using proxima::bench::Ledger;
using proxima::bench::Sums;

class Service : public Frames::Service {
 public:
  explicit Service(Ledger& ledger) : ledger_(ledger) {}

  grpc::Status Exchange(grpc::ServerContext*, grpc::ServerReaderWriter<Sums, Frame>* stream) override {
    Frame frame;
    Sums sums;
    while (stream->Read(&frame)) {
      const std::string& pixels = frame.pixels();
      const Answer answer =
          proxima::bench::execute({reinterpret_cast<const std::uint8_t*>(pixels.data()), pixels.size()}, ledger_);
      sums.set_values(answer.data(), answer_bytes);
      if (!stream->Write(sums)) break;
    }
    return grpc::Status::OK;
  }

 private:
  Ledger& ledger_;
};

void serve(Ledger& ledger, const Announce& announce) {
  Service service(ledger);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) throw std::runtime_error("gRPC does not serve");
  announce("127.0.0.1:" + std::to_string(port));
  server->Wait();
}

class Client : public FrameClient {
 public:
  explicit Client(const std::string& endpoint)
      : stub_(Frames::NewStub(grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()))),
        stream_(stub_->Exchange(&context_)) {}
  ~Client() override { context_.TryCancel(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Answer exchange(std::span<const std::uint8_t> frame) override {
    frame_.set_pixels(frame.data(), frame.size());
    if (!stream_->Write(frame_) || !stream_->Read(&sums_)) throw std::runtime_error("the gRPC stream has ended");
    if (sums_.values().size() != answer_bytes) throw std::runtime_error("the gRPC answer has another size");
    Answer answer{};
    std::memcpy(answer.data(), sums_.values().data(), answer_bytes);
    return answer;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<Frames::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<Frame, Sums>> stream_;
  Frame frame_;
  Sums sums_;
};

}  // namespace

int main() {
  return proxima::bench::peer_main(
      {serve, [](const std::string& endpoint) { return std::make_unique<Client>(endpoint); }});
}
