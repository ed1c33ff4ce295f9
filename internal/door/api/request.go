package api

import (
	"context"
	"net/http"

	"github.com/slipwayhq/slipway/internal/access"
)

// request is what the layers tell each other about one request.
type request struct {
	id       string
	identity access.Identity
	http     *http.Request
	client   bool // of somebody else's make, with a key of its own
}

type requestKey struct{}

// requestOf gives the request of a context, an empty one when there is none.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// IdentityOf gives who asks, for handlers that are mounted below /v1 without register.
func IdentityOf(ctx context.Context) access.Identity { return requestOf(ctx).identity }
