package builder

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/wire"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// CapabilityDescribe: the builder is a [Describer].
const CapabilityDescribe = "build.describe"

// Bounds of descriptions.
const (
	MaxDescribed     = 10_000   // items of one call
	MaxPicture       = 64 << 10 // bytes
	MaxPictureLength = 512      // pixels of the longer side
	maxAuthor        = 200      // bytes
	maxPictureTag    = 64       // bytes
)

// ErrNoDescription is returned by builders that lack CapabilityDescribe.
var ErrNoDescription = sdk.Errorf(sdk.CodePrecondition, "This builder cannot describe items.")

// Describer is what a [Builder] may be too: one that knows more of the items in [ItemsFile] than stands there, such as
// names that change while the content does not. Both methods answer from what is kept, without the network, and are safe
// for concurrent use. What [NewClient] returns is one; it gives ErrNoDescription when the plugin is none.
type Describer interface {
	// Describe leaves out items that nothing is known of.
	Describe(ctx context.Context, overlayID string, items []string) ([]Description, error)
	// Picture returns a JPEG or PNG within MaxPicture and MaxPictureLength, or CodeNotFound.
	Picture(ctx context.Context, overlayID, item string) ([]byte, error)
}

// Description is what is known of an item. Empty texts mean unknown.
type Description struct {
	Item    string
	Author  string // name of who made it
	Picture string // changes whenever the picture does; "" if there is none
}

// WithDescriber adds the ability to describe items.
func WithDescriber(describer Describer) Option {
	return func(o *options) {
		o.describer = describer
		o.capabilities = append(o.capabilities, CapabilityDescribe)
	}
}

// Describe implements Describer.
func (t *typed[S]) Describe(ctx context.Context, overlayID string, items []string) ([]Description, error) {
	if t.describer == nil {
		return nil, ErrNoDescription
	}
	return t.describer.Describe(ctx, overlayID, items)
}

// Picture implements Describer.
func (t *typed[S]) Picture(ctx context.Context, overlayID, item string) ([]byte, error) {
	if t.describer == nil {
		return nil, ErrNoDescription
	}
	return t.describer.Picture(ctx, overlayID, item)
}

// Describe implements builderv1.BuilderServiceServer.
func (s *service) Describe(ctx context.Context, request *builderv1.DescribeRequest) (*builderv1.DescribeResponse, error) {
	describer, ok := s.builder.(Describer)
	if !ok {
		return nil, describes(ErrNoDescription)
	}
	if n := len(request.GetItemIds()); n > MaxDescribed {
		return nil, sdk.Errorf(sdk.CodeInvalid, "%d items are more than the %d of one call.", n, MaxDescribed)
	}
	list, err := describer.Describe(ctx, request.GetOverlayId(), request.GetItemIds())
	if err != nil {
		return nil, describes(err)
	}
	out := &builderv1.DescribeResponse{}
	for _, d := range list[:min(len(list), MaxDescribed)] {
		out.Items = append(out.Items, &builderv1.Description{
			ItemId: wire.Text(d.Item, maxChangeText), Author: wire.Text(d.Author, maxAuthor), Picture: wire.Text(d.Picture, maxPictureTag),
		})
	}
	return out, nil
}

// GetPicture implements builderv1.BuilderServiceServer.
func (s *service) GetPicture(ctx context.Context, request *builderv1.GetPictureRequest) (*builderv1.GetPictureResponse, error) {
	describer, ok := s.builder.(Describer)
	if !ok {
		return nil, describes(ErrNoDescription)
	}
	data, err := describer.Picture(ctx, request.GetOverlayId(), request.GetItemId())
	if err != nil {
		return nil, describes(err)
	}
	if err := checkPicture(data); err != nil {
		return nil, err
	}
	return &builderv1.GetPictureResponse{Data: data}, nil
}

// describes gives ErrNoDescription its form on the wire.
func describes(err error) error {
	if errors.Is(err, ErrNoDescription) {
		return status.Error(codes.Unimplemented, ErrNoDescription.Message)
	}
	return err
}

func checkPicture(data []byte) error {
	if len(data) == 0 || len(data) > MaxPicture {
		return sdk.Broken("a picture has %d bytes, not 1 to %d", len(data), MaxPicture)
	}
	return nil
}

// Describe implements Describer.
func (c *client) Describe(ctx context.Context, overlayID string, items []string) ([]Description, error) {
	request := &builderv1.DescribeRequest{OverlayId: overlayID, ItemIds: items}
	answer, err := c.rpc.Describe(ctx, request, sdk.CallOptions()...)
	if err != nil {
		return nil, noDescription(err)
	}
	var out []Description
	for _, d := range answer.GetItems()[:min(len(answer.GetItems()), MaxDescribed)] {
		out = append(out, Description{
			Item: wire.Text(d.GetItemId(), maxChangeText), Author: wire.Text(d.GetAuthor(), maxAuthor), Picture: wire.Text(d.GetPicture(), maxPictureTag),
		})
	}
	return out, nil
}

// Picture implements Describer.
func (c *client) Picture(ctx context.Context, overlayID, item string) ([]byte, error) {
	answer, err := c.rpc.GetPicture(ctx, &builderv1.GetPictureRequest{OverlayId: overlayID, ItemId: item}, sdk.CallOptions()...)
	if err != nil {
		return nil, noDescription(err)
	}
	return answer.GetData(), checkPicture(answer.GetData())
}

// noDescription is FromStatus for calls that a plugin of an older minor, or without the capability, does not have.
func noDescription(err error) error {
	if status.Code(err) == codes.Unimplemented {
		return ErrNoDescription
	}
	return sdk.FromStatus(err)
}
