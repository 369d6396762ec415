package sdk

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

// Plugin is a plugin of one kind, ready to be served. The packages builder and mounter make them.
type Plugin interface {
	Base
	// Kind says which kind it is.
	Kind() KindName
	// Register adds the service of its kind.
	Register(server grpc.ServiceRegistrar)
}

// NewServer returns a gRPC server with everything that [Serve] adds to p: the base service, the check
// that Configure comes first, Drain, recovery from panics, errors in wire form, and message limits.
// Tests use it to serve a plugin inside the test process.
func NewServer(p Plugin, logger hclog.Logger, options ...grpc.ServerOption) *grpc.Server {
	server, _ := newServer(p, logger, nil, options)
	return server
}

// newServer also returns the gate of the server. first is called before the first call of any kind
// is handled; it may be nil.
func newServer(p Plugin, logger hclog.Logger, first func(), options []grpc.ServerOption) (*grpc.Server, *gate) {
	g := newGate()
	i := &interceptor{gate: g, logger: logger, first: first}
	server := grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.ChainUnaryInterceptor(i.unary),
		grpc.ChainStreamInterceptor(i.stream),
	)...)
	pluginv1.RegisterPluginServiceServer(server, &baseServer{plugin: p, gate: g, logger: logger})
	p.Register(server)
	return server, g
}

// interceptor surrounds every call of a plugin.
type interceptor struct {
	gate   *gate
	logger hclog.Logger
	first  func()
}

func (i *interceptor) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (answer any, err error) {
	defer func() { err = i.finish(ctx, info.FullMethod, err, recover()) }()
	if i.first != nil {
		i.first()
	}
	ctx, leave, err := i.gate.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer leave()
	return handler(ctx, request)
}

func (i *interceptor) stream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) (err error) {
	ctx := stream.Context()
	defer func() { err = i.finish(ctx, info.FullMethod, err, recover()) }()
	if i.first != nil {
		i.first()
	}
	ctx, leave, err := i.gate.enter(ctx, info.FullMethod)
	if err != nil {
		return err
	}
	defer leave()
	return handler(server, &streamWithContext{ServerStream: stream, ctx: ctx})
}

// finish turns a panic and any error into the error that crosses the wire. What does not cross it,
// the cause and the stack, goes to the plugin's log.
func (i *interceptor) finish(ctx context.Context, method string, err error, panicked any) error {
	if panicked != nil {
		i.logger.Error("panic in a call", "method", method, "panic", fmt.Sprint(panicked),
			"stack", string(debug.Stack()))
		return ToStatus(Errorf(CodeInternal, "The plugin panicked: %v.", panicked).
			WithHint("The stack is in the agent's log. Report it to the plugin's author."))
	}
	if err == nil || !isOurs(method) {
		return err
	}
	if CodeOf(err) == CodeInternal && ctx.Err() == nil {
		i.logger.Error("call failed", "method", method, "error", err)
	}
	return ToStatus(err)
}

// isOurs excludes go-plugin's own services, whose errors pass unchanged.
func isOurs(method string) bool { return strings.HasPrefix(method, "/left4me.") }

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the context that Drain can cancel.
func (s *streamWithContext) Context() context.Context { return s.ctx }
