package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

// Bounds of what a plugin may say about itself, in bytes and entries.
const (
	maxSchema       = 1 << 20
	maxDoc          = 256 << 10
	maxCapabilities = 256
)

// ClientOption changes a client made by [NewBaseClient].
type ClientOption func(*baseClient)

// WithHostVersion tells the plugin which host it serves.
func WithHostVersion(version string) ClientOption {
	return func(c *baseClient) { c.hostVersion = version }
}

// NewBaseClient returns the Base of the plugin at the other end of conn. What comes back is checked:
// a plugin that does not keep to the protocol gives an internal error, never a strange value.
func NewBaseClient(conn grpc.ClientConnInterface, options ...ClientOption) Base {
	c := &baseClient{rpc: pluginv1.NewPluginServiceClient(conn)}
	for _, option := range options {
		option(c)
	}
	return c
}

// CallOptions are the gRPC options for every call to a plugin: they bound what it can send.
func CallOptions() []grpc.CallOption {
	return []grpc.CallOption{grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)}
}

type baseClient struct {
	rpc         pluginv1.PluginServiceClient
	hostVersion string
}

// Info implements Base.
func (c *baseClient) Info(ctx context.Context) (Info, error) {
	answer, err := c.rpc.GetInfo(ctx, &pluginv1.GetInfoRequest{
		HostVersion: c.hostVersion, ProtocolMinor: ProtocolMinor,
	}, CallOptions()...)
	if err != nil {
		return Info{}, FromStatus(err)
	}
	info := infoFromProto(answer)
	return info, CheckInfo(info)
}

// Configure implements Base.
func (c *baseClient) Configure(ctx context.Context, settings Settings) ([]Diagnostic, error) {
	answer, err := c.rpc.Configure(ctx, settingsToProto(settings), CallOptions()...)
	if err != nil {
		return nil, FromStatus(err)
	}
	return DiagnosticsFromProto(answer.GetDiagnostics()), nil
}

// WatchHealth implements Base.
func (c *baseClient) WatchHealth(ctx context.Context, report func(Health) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.WatchHealth(ctx, &pluginv1.WatchHealthRequest{}, CallOptions()...)
	if err != nil {
		return FromStatus(err)
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return Errorf(CodeUnavailable, "The plugin ended its health report.")
		}
		if err != nil {
			return FromStatus(err)
		}
		health, err := healthFromProto(message)
		if err != nil {
			return err
		}
		if err := report(health); err != nil {
			return err
		}
	}
}

// Drain implements Base.
func (c *baseClient) Drain(ctx context.Context, grace time.Duration) (int, error) {
	answer, err := c.rpc.Drain(ctx, &pluginv1.DrainRequest{Grace: durationpb.New(grace)}, CallOptions()...)
	if err != nil {
		return 0, FromStatus(err)
	}
	return int(answer.GetCanceled()), nil
}

// CheckInfo tells what is wrong with a plugin's description of itself, or returns nil.
func CheckInfo(info Info) error {
	switch {
	case !ValidName(info.Name):
		return Broken("its name %.60q is not of the form a-z, 0-9 and \"-\", 2 to 41 characters", info.Name)
	case !validVersion(info.Version):
		return Broken("its version %.60q is not a semantic version", info.Version)
	case info.Kind == "":
		return Broken("its kind is unknown")
	case len(info.Capabilities) > maxCapabilities, len(info.WantedCapabilities) > maxCapabilities:
		return Broken("it names more than %d capabilities", maxCapabilities)
	case len(info.Doc) > maxDoc:
		return Broken("its documentation is larger than %d bytes", maxDoc)
	}
	for _, schema := range []json.RawMessage{info.PluginSchema, info.OverlaySchema} {
		if len(schema) > maxSchema {
			return Broken("a schema is larger than %d bytes", maxSchema)
		}
		if len(schema) > 0 && !json.Valid(schema) {
			return Broken("a schema is not JSON")
		}
	}
	return nil
}

// ValidName reports whether name has the form of a plugin name: ^[a-z][a-z0-9-]{1,40}$.
func ValidName(name string) bool {
	if len(name) < 2 || len(name) > 41 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// validVersion reports whether version is a semantic version without a leading v.
func validVersion(version string) bool {
	ok, _ := regexp.MatchString(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`, version)
	return ok && len(version) <= 64
}
