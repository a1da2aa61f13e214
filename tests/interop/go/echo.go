package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// outcome is what became of one call.
type outcome struct {
	Backend string `json:"backend,omitempty"`
	Token   string `json:"token,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// echo calls lookaside.demo.v1.Echo with messages made from the descriptor set, so
// that no generated code has to be kept.
type echo struct {
	channel           *grpc.ClientConn
	request, response protoreflect.MessageDescriptor
}

func newEcho(channel *grpc.ClientConn, descriptors string) (*echo, error) {
	content, err := os.ReadFile(descriptors)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(content, &set); err != nil {
		return nil, fmt.Errorf("%s: %w", descriptors, err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", descriptors, err)
	}
	service, err := files.FindDescriptorByName("lookaside.demo.v1.Echo")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", descriptors, err)
	}
	method := service.(protoreflect.ServiceDescriptor).Methods().ByName("Echo")
	return &echo{channel, method.Input(), method.Output()}, nil
}

func (e *echo) call(timeout time.Duration, waitForReady bool) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, response := dynamicpb.NewMessage(e.request), dynamicpb.NewMessage(e.response)
	request.Set(e.request.Fields().ByName("message"), protoreflect.ValueOfString("interop"))
	err := e.channel.Invoke(
		ctx, "/lookaside.demo.v1.Echo/Echo", request, response, grpc.WaitForReady(waitForReady),
	)
	if err != nil {
		// The canonical name, as in UNAVAILABLE; grpc-go's own is Unavailable.
		said := status.Convert(err)
		return outcome{Code: code.Code(said.Code()).String(), Message: said.Message()}
	}
	field := func(name protoreflect.Name) string {
		return response.Get(e.response.Fields().ByName(name)).String()
	}
	return outcome{Backend: field("backend"), Token: field("lb_token")}
}
