package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
)

// Need is what an operation of a door beside this one takes of its caller, in the app that its input names.
type Need = need

// What there is to need.
const (
	SignedIn   Need = signedIn
	View       Need = view
	Deploy     Need = deploy
	DeployAll  Need = deployAll
	Administer Need = administer
)

// Register adds an operation of a door beside this one, whose paths are of the same API: see register.
func Register[I, O any](s *Server, n Need, route, summary string, fn func(ctx context.Context, id access.Identity, in *I) (*O, error)) {
	register(s, n, route, summary, fn)
}

// Place tells what is wrong with an app, or an environment of it; an empty one is all of them.
func (s *Server) Place(ctx context.Context, app, env string) error { return s.place(ctx, app, env) }

// ListOf is the answer that holds a List.
type ListOf[T any] = listOf[T]

// Cut gives a part of a list that is whole at hand: see cut.
func Cut[T any](items []T, p Page, key func(T) string) (*ListOf[T], error) { return cut(items, p, key) }

// NewestFirst makes a key for Cut by which the newest id comes first.
func NewestFirst(id string) string { return newestFirst(id) }

// ETag is the ETag of a thing that counts its changes.
func ETag(revision int64) string { return etag(revision) }

// Expect gives the revision to change, when the caller saw the present one.
func (in InMatch) Expect(present int64) (int64, error) { return in.expect(present) }
