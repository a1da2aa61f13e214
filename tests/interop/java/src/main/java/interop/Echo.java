package interop;

import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Calls lookaside.demo.v1.Echo with messages made from the descriptor set, so that no
 * generated code has to be kept.
 */
final class Echo {
  private static final String FILE = "lookaside/demo/v1/echo.proto";

  private final Channel channel;
  private final MethodDescriptor<DynamicMessage, DynamicMessage> method;
  private final DynamicMessage hello;

  Echo(Channel channel, Path descriptors) throws IOException, DescriptorValidationException {
    this.channel = channel;
    var described = file(descriptors).findServiceByName("Echo").findMethodByName("Echo");
    var request = described.getInputType();
    hello =
        DynamicMessage.newBuilder(request)
            .setField(request.findFieldByName("message"), "interop")
            .build();
    method =
        MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("lookaside.demo.v1.Echo/Echo")
            .setRequestMarshaller(ProtoUtils.marshaller(hello.getDefaultInstanceForType()))
            .setResponseMarshaller(
                ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(described.getOutputType())))
            .build();
  }

  private static FileDescriptor file(Path descriptors)
      throws IOException, DescriptorValidationException {
    var set = FileDescriptorSet.parseFrom(Files.readAllBytes(descriptors));
    for (FileDescriptorProto file : set.getFileList()) {
      if (file.getName().equals(FILE)) {
        return FileDescriptor.buildFrom(file, new FileDescriptor[0]);
      }
    }
    throw new IOException(descriptors + " has no " + FILE);
  }

  /** Starts a call; the future never fails: a failed call is an outcome too. */
  CompletableFuture<Outcome> start(long timeoutMillis, boolean waitForReady) {
    var options = CallOptions.DEFAULT.withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS);
    var call = channel.newCall(method, waitForReady ? options.withWaitForReady() : options);
    var outcome = new CompletableFuture<Outcome>();
    ClientCalls.asyncUnaryCall(call, hello, new Completing(outcome));
    return outcome;
  }

  private record Completing(CompletableFuture<Outcome> outcome)
      implements StreamObserver<DynamicMessage> {
    @Override
    public void onNext(DynamicMessage answer) {
      outcome.complete(Outcome.answered(field(answer, "backend"), field(answer, "lb_token")));
    }

    @Override
    public void onError(Throwable error) {
      Status status = Status.fromThrowable(error);
      outcome.complete(Outcome.failed(status.getCode().name(), status.getDescription()));
    }

    @Override
    public void onCompleted() {
      // The answer came before.
    }

    private static String field(DynamicMessage answer, String name) {
      return (String) answer.getField(answer.getDescriptorForType().findFieldByName(name));
    }
  }
}
