package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/slipwayhq/slipway/internal/access"
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

// InEnvironment is the part of an input that names the app and the environment.
type InEnvironment struct {
	InApp
	Env string `path:"env" doc:"Name of the environment" example:"production"`
}

func (in InEnvironment) environment(context.Context, *Server) (string, error) { return in.Env, nil } //nolint:unparam // others look it up

// Page is the part of an input that asks for a part of a list.
type Page struct {
	After string `query:"after" doc:"Where to go on: the \"next\" of the list before" maxLength:"100"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most"`
}

// number reads a cursor that is a number, 0 when there is none.
func (p Page) number() (int64, error) {
	if p.After == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Invalid("after is not a cursor of this list; take the \"next\" of the answer before").At("query.after")
	}
	return n, nil
}

// List is a part of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Send it as \"after\" for what follows; absent at the end"`
}

// listOf is the answer that holds a List.
type listOf[T any] struct{ Body List[T] }

// everything answers with a list that has no further part.
func everything[T any](items []T, err error) (*listOf[T], error) {
	if err != nil {
		return nil, err
	}
	return &listOf[T]{Body: List[T]{Items: items}}, nil
}

// part answers with a list of at most limit items, of which one more was asked for; cursor tells where to go on behind an item.
func part[T any](items []T, limit int, cursor func(T) int64) *listOf[T] {
	out := &listOf[T]{Body: List[T]{Items: items}}
	if len(items) > limit {
		out.Body.Items = items[:limit]
		out.Body.Next = strconv.FormatInt(cursor(items[limit-1]), 10)
	}
	return out
}

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

// register adds an operation: method, path and a summary in the words of the docs. The caller's right is checked before fn runs, in the app of the input when it names one.
// Errors of any layer become problems here.
func register[I, O any](s *Server, n need, route, summary string, fn func(ctx context.Context, id access.Identity, in *I) (*O, error)) {
	method, path, _ := strings.Cut(route, " ")
	mustFill(route, typeOf[I]())
	op := huma.Operation{
		Method: method, Path: path, Summary: summary, OperationID: operationID(method, path), Tags: []string{tag(path)},
		Errors: problemStatuses(n, path),
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
		if err == nil {
			var out *O
			if out, err = fn(ctx, id, in); err == nil {
				return out, nil
			}
		}
		p := problemOf(err)
		s.logInternal(ctx, p, err)
		return nil, p
	})
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

func problemStatuses(n need, path string) []int {
	statuses := []int{http.StatusUnprocessableEntity, http.StatusInternalServerError}
	if n != public {
		statuses = append(statuses, http.StatusUnauthorized)
	}
	if n > signedIn {
		statuses = append(statuses, http.StatusForbidden)
	}
	if strings.Contains(path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	slices.Sort(statuses)
	return statuses
}

// tag groups the operations of the docs by the last noun of the path.
func tag(path string) string {
	last := ""
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/v1/"), "/") {
		if !strings.HasPrefix(part, "{") && (last == "" || strings.HasSuffix(part, "s") || part == "config" || part == "line") {
			last = part
		}
	}
	return last
}

// operationID is "get-apps-app-environments" and the like: unique, since routes are.
func operationID(method, path string) string {
	return strings.ToLower(method) + strings.NewReplacer("/v1/", "-", "/", "-", "{", "", "}", "").Replace(path)
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
