package workshop

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
)

// MaxBatch is the most ids in one API call.
const MaxBatch = 100

// maxAnswer bounds one answer. A full batch with long descriptions has about 2 MiB.
const maxAnswer = 32 << 20

// ErrAPI is wrapped by failures of the Web API.
var ErrAPI = errors.New("the Steam Web API")

// Waiter keeps API calls apart.
type Waiter interface {
	Wait(ctx context.Context) error
}

// API is a client of the Web API. It is safe for concurrent use.
type API struct {
	Base   *url.URL // such as https://api.steampowered.com
	Client *retryablehttp.Client
	Pace   Waiter
}

// Items asks about items, in batches, and calls report for each answer in the order of ids. Items that the
// API leaves out of its answer are reported as [Removed].
func (a *API) Items(ctx context.Context, ids []string, report func(Item)) error {
	for batch := range slices.Chunk(ids, MaxBatch) {
		var answer struct {
			List []wireItem `json:"publishedfiledetails"`
		}
		if err := a.call(ctx, "GetPublishedFileDetails", "itemcount", batch, &answer); err != nil {
			return err
		}
		found := make(map[string]Item, len(answer.List))
		for i := range answer.List {
			found[string(answer.List[i].ID)] = answer.List[i].item()
		}
		for _, id := range batch {
			item, ok := found[id]
			if !ok {
				item = Item{ID: id, Standing: Removed, Result: resultNotFound}
			}
			report(item)
		}
	}
	return nil
}

// Child is a member of a collection.
type Child struct {
	ID         string
	Collection bool
}

// Collections asks which ids are collections and returns the members of those that are, in their order.
func (a *API) Collections(ctx context.Context, ids []string) (map[string][]Child, error) {
	out := make(map[string][]Child)
	for batch := range slices.Chunk(ids, MaxBatch) {
		var answer struct {
			List []wireCollection `json:"collectiondetails"`
		}
		if err := a.call(ctx, "GetCollectionDetails", "collectioncount", batch, &answer); err != nil {
			return nil, err
		}
		for _, collection := range answer.List {
			if collection.Result == resultOK && collection.Children != nil {
				out[string(collection.ID)] = collection.children()
			}
		}
	}
	return out, nil
}

type wireCollection struct {
	ID       text        `json:"publishedfileid"`
	Result   number      `json:"result"`
	Children []wireChild `json:"children"`
}

type wireChild struct {
	ID       text   `json:"publishedfileid"`
	Order    number `json:"sortorder"`
	FileType number `json:"filetype"`
}

// fileTypeCollection marks a member that is a collection.
const fileTypeCollection = 2

func (w *wireCollection) children() []Child {
	slices.SortStableFunc(w.Children, func(a, b wireChild) int { return cmp.Compare(a.Order, b.Order) })
	out := make([]Child, 0, len(w.Children))
	for _, child := range w.Children {
		if ValidID(string(child.ID)) {
			out = append(out, Child{ID: string(child.ID), Collection: child.FileType == fileTypeCollection})
		}
	}
	return out
}

// call sends one form and decodes the response envelope into answer.
func (a *API) call(ctx context.Context, method, count string, ids []string, answer any) error {
	form := url.Values{count: {fmt.Sprint(len(ids))}, "format": {"json"}}
	for i, id := range ids {
		form.Set(fmt.Sprintf("publishedfileids[%d]", i), id)
	}
	if err := a.Pace.Wait(ctx); err != nil {
		return err
	}
	address := a.Base.JoinPath("ISteamRemoteStorage", method, "v1/").String()
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAPI, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", UserAgent)
	response, err := a.Client.Do(request)
	if response != nil {
		defer response.Body.Close() //nolint:errcheck // read only
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w does not answer %s: %w", ErrAPI, method, err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%w answers %s with status %d", ErrAPI, method, response.StatusCode)
	}
	return decode(response.Body, method, answer)
}

// UserAgent is sent with every request, so that Steam's operators see who asks.
const UserAgent = "left4me-overlay-workshop/1"

// decode reads {"response": …}.
func decode(body io.Reader, method string, answer any) error {
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("%w breaks off its answer to %s: %w", ErrAPI, method, err)
	}
	if len(data) > maxAnswer {
		return fmt.Errorf("%w sends more than %d bytes for %s", ErrAPI, maxAnswer, method)
	}
	var envelope struct {
		Response json.RawMessage `json:"response"`
	}
	if err := json.Unmarshal(data, &envelope); err == nil && len(envelope.Response) > 0 {
		err = json.Unmarshal(envelope.Response, answer)
		if err == nil {
			return nil
		}
		return fmt.Errorf("%w answers %s in an unknown form: %w", ErrAPI, method, err)
	}
	return fmt.Errorf("%w answers %s with something that is not JSON: %.60q", ErrAPI, method, data)
}

// DecodeItems decodes a whole answer of GetPublishedFileDetails, for tools and tests that have it in a file.
func DecodeItems(data []byte) ([]Item, error) {
	var answer struct {
		List []wireItem `json:"publishedfiledetails"`
	}
	if err := decode(bytes.NewReader(data), "GetPublishedFileDetails", &answer); err != nil {
		return nil, err
	}
	out := make([]Item, len(answer.List))
	for i := range answer.List {
		out[i] = answer.List[i].item()
	}
	return out, nil
}
