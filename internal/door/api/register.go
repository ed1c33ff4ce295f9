package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/door/api/schema"
	"github.com/slipwayhq/slipway/internal/fault"
)

// need is what an operation takes of its caller.
type need int

const (
	public     need = iota // nothing
	signedIn               // to be somebody
	view                   // the rights of package access; in the app that the path names
	deploy                 // in the environment that the input names or belongs to; in all of them when there is none
	deployAll              // deploy, in all environments whatever the input names
	create                 //
	administer             //
)

func (n need) right() access.Right {
	return map[need]access.Right{view: access.View, deploy: access.Deploy, deployAll: access.Deploy, create: access.Create, administer: access.Administer}[n]
}

// InApp is the part of an input that names the app.
type InApp struct {
	App string `path:"app" doc:"Name of the app" example:"shop"`
}

func (in InApp) app() string { return in.App }

func (in InApp) place() (app, env string) { return in.App, "" }

// InEnvironment is the part of an input that names the app and the environment.
type InEnvironment struct {
	InApp
	Env string `path:"env" doc:"Name of the environment" example:"production"`
}

func (in InEnvironment) place() (app, env string) { return in.App, in.Env }

func (in InEnvironment) environment(context.Context, *Server) (string, error) { return in.Env, nil } //nolint:unparam // others look it up

// with is an input whose body is T. T is a type with a name: /openapi.json names its schemas by it.
type with[T any] struct{ Body T }

// answer is an answer whose body is T.
type answer[T any] struct{ Body T }

func answerWith[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{Body: v}, nil
}

// register adds an operation: method, path and a summary in the words of the docs. The caller's right is checked before fn runs, in the app of the input when it names one,
// and so is whether that app, and the environment, are there. Errors of any layer become problems here.
func register[I, O any](s *Server, n need, route, summary string, fn func(ctx context.Context, id access.Identity, in *I) (*O, error)) {
	method, path, _ := strings.Cut(route, " ")
	mustFill(route, typeOf[I]())
	op := huma.Operation{
		Method: method, Path: path, Summary: summary, OperationID: schema.Operation(method, path), Tags: []string{schema.Tag(path)},
		Errors: problemStatuses(n, method, path, typeOf[I]()), MaxBodyBytes: max(maxBody, s.large[route]),
	}
	if keepsAnswer(n, method) {
		op.Parameters = append(op.Parameters, idempotencyKey())
	}
	if n != public {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	if method == http.MethodPost {
		op.DefaultStatus = http.StatusOK
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		id := requestOf(ctx).identity
		err := s.allow(ctx, id, n, in)
		if at, ok := any(in).(interface{ place() (app, env string) }); ok && err == nil {
			app, env := at.place()
			err = s.place(ctx, app, env)
		}
		if err == nil {
			var out *O
			if out, err = settled(ctx, s, id, in, fn); err == nil {
				return out, nil
			}
		}
		p := problemOf(err)
		s.logInternal(ctx, p, err)
		return nil, p
	})
}

// settleTime is how long a slice may take to hear of what another has made.
const settleTime = 5 * time.Second

// settled runs fn, and once more when it does not find what may only be too new: the environment is there, or else it would not have been asked for, and the slice
// that is asked has yet to hear of it. What is not found has changed nothing.
func settled[I, O any](ctx context.Context, s *Server, id access.Identity, in *I, fn func(context.Context, access.Identity, *I) (*O, error)) (*O, error) {
	out, err := fn(ctx, id, in)
	at, placed := any(in).(interface{ place() (app, env string) })
	if !fault.Is(err, fault.CodeNotFound) || !placed {
		return out, err
	}
	if _, env := at.place(); env == "" {
		return out, err
	}
	waiting, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if s.opts.DB.Settle(waiting) != nil { // it takes too long, or cannot be told: not found is still true
		return out, err
	}
	return fn(ctx, id, in)
}

// mustFill ends the program's start when the framework could not fill a part of an input: it passes over embedded types whose names are not exported, and the path's
// names would be empty.
func mustFill(route string, input reflect.Type) {
	if input.Kind() != reflect.Struct {
		return
	}
	for i := range input.NumField() {
		f := input.Field(i)
		if !f.Anonymous {
			continue
		}
		if !f.IsExported() {
			panic(fmt.Sprintf("%s: the input embeds %s, which is not exported and would stay empty", route, f.Name))
		}
		mustFill(route, f.Type)
	}
}

// inEnvironment is an input that names an environment, or something that belongs to one.
type inEnvironment interface {
	environment(ctx context.Context, s *Server) (string, error)
}

// allow checks the caller's right. What an input belongs to is looked up for those alone who may see its app.
func (s *Server) allow(ctx context.Context, id access.Identity, n need, in any) error {
	if n == public {
		return nil
	}
	if id.Person.ID == "" {
		return id.Require(access.View, "")
	}
	if n == signedIn {
		return nil
	}
	app, env := "", access.AllEnvironments
	if named, ok := in.(interface{ app() string }); ok {
		app = named.app()
	}
	if belonging, ok := in.(inEnvironment); ok && n == deploy && id.Can(access.View, app) {
		var err error
		if env, err = belonging.environment(ctx, s); err != nil {
			return err
		}
	}
	return id.RequireIn(n.right(), app, env)
}

// problemStatuses are the answers of an operation other than its own: what /openapi.json promises.
func problemStatuses(n need, method, path string, input reflect.Type) []int {
	// Any call can carry a wrong credential, and those wait after many.
	statuses := []int{http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError}
	if n != public {
		statuses = append(statuses, http.StatusUnauthorized)
	}
	if n > signedIn {
		statuses = append(statuses, http.StatusForbidden)
	}
	if strings.Contains(path, "{") || has(input, "App") || has(input, "Env") {
		statuses = append(statuses, http.StatusNotFound)
	}
	if method != http.MethodGet && n != public {
		statuses = append(statuses, http.StatusConflict) // the state of the thing does not allow it; or a POST with the same key is under way
	}
	if has(input, "Body") {
		statuses = append(statuses, http.StatusBadRequest, http.StatusUnsupportedMediaType)
	}
	if has(input, "Body") || keepsAnswer(n, method) {
		statuses = append(statuses, http.StatusRequestEntityTooLarge)
	}
	if has(input, "IfMatch") {
		statuses = append(statuses, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	slices.Sort(statuses)
	return statuses
}

// has tells whether an input has a field, embedded or its own.
func has(input reflect.Type, field string) bool {
	if input.Kind() != reflect.Struct {
		return false
	}
	_, ok := input.FieldByName(field)
	return ok
}

// keepsAnswer tells whether an Idempotency-Key counts: answers are kept for people, and who signs in is nobody yet.
func keepsAnswer(n need, method string) bool { return method == http.MethodPost && n != public }

// idempotencyKey describes the header that serveOnce reads.
func idempotencyKey() *huma.Param {
	most := maxKey
	return &huma.Param{
		Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		Description: "A name of your own for this request, such as 128 random bits. Sent again under it within a day, the request is not carried out again: the first answer is, with Idempotency-Replayed: true. Another request under it is refused (422); while the first is under way, the second gets 409.",
	}
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
