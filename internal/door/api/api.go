package api

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/door/api/metrics"
	"github.com/slipwayhq/slipway/internal/door/api/schema"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/vault"
)

// Options of a Server. Services of later domains are not here: their files have a Mount method each.
type Options struct {
	DB      *db.DB
	Journal *journal.Journal
	Access  *access.Service
	Catalog *catalog.Service
	// Keys seal the answers kept for Idempotency-Key: one may hold a token.
	Keys *vault.Keyring
	// UI holds index.html and assets/; nil serves a page that says that the UI was not built.
	UI     fs.FS
	Logger *slog.Logger
	// Version of the program, shown in the session and in /openapi.json.
	Version string
	// URL is where people reach this server, EdgeURL where visitors reach the apps; without a slash at the end.
	URL, EdgeURL string
	Demo         bool
	// Parts are asked by /readyz.
	Parts []Part
	// Gauges are read by /metrics.
	Gauges []metrics.Gauge
}

// Server is the HTTP door. Run it for the streams to get their events.
type Server struct {
	opts    Options
	log     *slog.Logger
	mux     *http.ServeMux
	clients *http.ServeMux
	api     huma.API
	feed    *feed
	metrics *metrics.Metrics
	guard   *http.CrossOriginProtection
	started time.Time
	large   map[string]int64 // bodies of operations that may be larger than maxBody, by route

	// What operations that name a build or a rollout look up its environment in; set when they are mounted.
	builds   *build.Service
	rollouts *rollout.Service
}

// New makes the door with the domains of this package's own; Mount the others on it, then serve Handler.
func New(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: o, log: o.Logger, mux: http.NewServeMux(), clients: http.NewServeMux(), feed: newFeed(), guard: http.NewCrossOriginProtection(), started: o.DB.Now(), large: map[string]int64{}}
	s.metrics = metrics.New(o.Version, o.DB, o.Journal, o.Gauges)
	s.api = humago.New(s.mux, config(o))
	s.mountSession()
	s.mountPeople()
	s.mountTokens()
	s.mountAudit()
	s.mountApps()
	s.mountEnvironments()
	s.mountConfig()
	s.mountReleases()
	s.mountEvents()
	s.mountHealth()
	if err := s.mountDocs(); err != nil {
		return nil, fmt.Errorf("open the API's own page: %w", err)
	}
	return s, nil
}

// config is huma's, without what it brings along: a page that loads from foreign hosts, and "$schema" in every body.
func config(o Options) huma.Config {
	c := huma.DefaultConfig("Slipway", o.Version)
	c.DocsPath, c.SchemasPath = "", ""
	c.CreateHooks = nil
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schema.Name)
	c.Transformers = []huma.Transformer{fromHuma}
	c.Info.Description = "Ship every commit, and know whether you should have. Send a token as \"Authorization: Bearer slt_…\"; errors are problems of RFC 9457; " +
		"lists go on at \"next\"; a POST with an Idempotency-Key takes effect once (signing in excepted); what people edit has an ETag and takes If-Match."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token of a person: slt_…"},
		"session": {Type: "apiKey", In: "cookie", Name: access.CookieName, Description: "What POST /v1/session sets"},
	}
	return c
}

// Mux is where others mount what is not under /v1: /git/, /agent/, /edge/. They authenticate by themselves.
func (s *Server) Mux() *http.ServeMux { return s.mux }

// Clients is where the paths of other people's clients are mounted, also below /v1: those that bring keys of their own, are no people, and whose cookies nobody looks at but waffle's.
func (s *Server) Clients() *http.ServeMux { return s.clients }

// Handler is the whole door.
func (s *Server) Handler() http.Handler {
	s.describeProblems()
	return s.observe(s.recoverPanics(http.HandlerFunc(s.dispatch)))
}

// describeProblems puts our problem into /openapi.json where the framework put its own.
func (s *Server) describeProblems() {
	schemas := s.api.OpenAPI().Components.Schemas
	ours := huma.SchemaFromType(schemas, typeOf[Problem]())
	if all := schemas.Map(); all["ErrorModel"] != nil {
		all["ErrorModel"] = ours
		delete(all, "ErrorDetail")
	}
}
