package sdk

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Version is the version of this SDK. Plugins report it in [Info].
const Version = "0.1.0"

const (
	// ProtocolMajor is go-plugin's protocol version. Host and plugin must agree on it.
	ProtocolMajor = 1
	// ProtocolMinor counts compatible additions to the protocol. A newer minor never breaks an older peer.
	ProtocolMinor = 0
)

// MaxMessage is the largest gRPC message either side accepts, in bytes. Content never travels in
// messages, only paths and ids do.
const MaxMessage = 16 << 20

const (
	cookieKey   = "LEFT4ME_PLUGIN"
	cookieValue = "9d2f1c6e4b7a4f0f8f3f6c52d1a0e7b5"
)

// Handshake returns the configuration that host and plugin share. The cookie is no secret: it only
// tells a plugin that it was not started by hand.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolMajor,
		MagicCookieKey:   cookieKey,
		MagicCookieValue: cookieValue,
	}
}

// PluginSets returns what a host puts into ClientConfig.VersionedPlugins. Dispensing a kind's name
// ("builder", "mounter") returns the *grpc.ClientConn, from which [NewBaseClient] and the NewClient
// function of the kind's package make clients:
//
//	raw, err := protocol.Dispense(string(sdk.KindBuilder))
//	conn := raw.(*grpc.ClientConn)
//	base, b := sdk.NewBaseClient(conn), builder.NewClient(conn)
func PluginSets() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolMajor: {
		string(KindBuilder): &connection{},
		string(KindMounter): &connection{},
	}}
}

// connection adapts a plugin to go-plugin, which only carries the connection: the plugin's side has
// its services from newServer, and the host's side needs no generated client.
type connection struct {
	plugin.NetRPCUnsupportedPlugin
}

// GRPCServer implements plugin.GRPCPlugin.
func (*connection) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

// GRPCClient implements plugin.GRPCPlugin.
func (*connection) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
