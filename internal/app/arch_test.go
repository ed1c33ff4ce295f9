package app_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// floor says which packages of this module the packages of a folder may import beside those of the folder itself, and why no others.
type floor struct {
	folder string
	may    []string
	why    string
}

// base is what everything that runs beside the store may stand on.
func base(more ...string) []string {
	return append(more, "internal/access", "internal/analytics", "internal/artifact", "internal/blob", "internal/db", "internal/durable", "internal/event", "internal/fault", "internal/journal",
		"internal/pure", "internal/seen", "internal/takes", "internal/vault", "internal/wire")
}

// elsewhere is what programs on other machines may stand on.
func elsewhere() []string {
	return []string{"internal/artifact", "internal/blob", "internal/event", "internal/fault", "internal/pure", "internal/spool", "internal/wire"}
}

// floors are the layers, from the top. The first folder that a package is under counts.
func floors() []floor {
	const (
		slice  = "slices talk by events: a slice that calls another cannot be removed, tested or understood alone"
		remote = "it runs on other machines, which have no store, no log and no keys"
	)
	return []floor{
		{"cmd", []string{"internal/cli"}, "a main is a few lines; what it does belongs to cli, which tests can start"},
		{"internal/cli", []string{"internal", "examples", "ui"}, ""},
		{"internal/demo", []string{"internal/apiclient", "internal/app", "internal/event", "internal/fault", "internal/visitors", "internal/wire", "examples"},
			"the demo starts a server, and from then on does what a person could: by the API and by git"},
		{"internal/apiclient", []string{"internal/event", "internal/fault"}, "it knows the API's JSON as any program outside could, and nothing of the server's insides"},
		{"internal/apptest", []string{"internal", "examples", "ui"}, ""},
		{"internal/app", base("internal/door", "internal/decide", "internal/act", "internal/edge", "internal/agent", "internal/prometheus", "internal/visitors", "examples", "ui"),
			"app wires what is below it; the command line is above"},
		{"internal/door", base("internal/decide", "internal/act", "internal/prometheus", "ui"), "doors turn the outside world into commands; wiring is app's, and programs on other machines are reached over the wire"},
		{"internal/decide", base(), slice},
		{"internal/act", base(), slice},
		{"internal/agent", elsewhere(), remote},
		{"internal/edge", elsewhere(), remote},
		{"internal/access", []string{"internal/db", "internal/event", "internal/fault", "internal/pure"}, "access stands on the floor of db, below the slices"},
		{"internal/vault", []string{"internal/db", "internal/event", "internal/fault", "internal/pure"}, "vault stands on the floor of db, below the slices"},
		{"internal/db/dbtest", []string{"internal/db", "internal/event", "internal/fault", "internal/journal"}, "it makes stores and logs for tests, and knows nothing above them"},
		{"internal/db", []string{"internal/event", "internal/fault", "internal/journal", "internal/pure"}, "the store knows events and the log, not what they mean"},
		{"internal/analytics", []string{"internal/fault", "internal/journal", "internal/pure"}, "stores of events know the log that feeds them, and nothing of who asks"},
		{"internal/takes/takestest", []string{"internal/fault", "internal/pure", "internal/takes"}, "a suite for stores of limits knows the port, and no store"},
		{"internal/takes/redis", []string{"internal/fault", "internal/pure", "internal/takes"}, "what several servers share is not in one server's log"},
		{"internal/takes", []string{"internal/durable", "internal/fault", "internal/journal", "internal/pure"}, "what is taken of limits is counted below everything that asks for it"},
		{"internal/journal", []string{"internal/event", "internal/fault", "internal/pure"}, "the log carries events and knows nothing about stores"},
		{"internal/blob", []string{"internal/fault", "internal/pure"}, "blobs are bytes under a name"},
		{"internal/seen", []string{"internal/durable"}, "an index of hashes, which knows nothing of what they stand for"},
		{"internal/artifact", []string{"internal/fault", "internal/pure"}, "an artifact is a folder as bytes"},
		{"internal/spool", []string{"internal/fault"}, "a spool keeps lines until the server has them, and does not read them"},
		{"internal/wire", []string{"internal/event", "internal/pure"}, "the wire is spoken by programs that have nothing else in common"},
		{"internal/pure", nil, "pure is arithmetic: same input, same output"},
		{"internal/event", nil, "the shared language imports the standard library only"},
		{"internal/fault", nil, "the error type is below everything"},
		{"internal/durable", nil, "files know nothing of what is in them"},
		{"internal/apiclient", []string{"internal/event", "internal/fault"}, "a client knows the API's JSON and nothing of the server's insides"},
		{"internal/demo", []string{"internal/apiclient", "internal/event", "internal/fault", "internal/pure", "internal/visitors", "examples"},
			"the demo drives the program as a person would: by its API, by git, by its processes"},
		{"internal/scaffold", []string{"internal/fault", "internal/pure"}, "it looks at a repository and writes a manifest, nothing more"},
		{"internal/prometheus", []string{"internal/fault", "internal/pure"}, "it asks a server that is not ours, and knows nothing of what the answers are for"},
		{"internal/history", []string{"internal/fault", "internal/prometheus", "internal/pure"}, "it reads what a team has already, on any machine, without a server"},
		{"internal/visitors", []string{"internal/fault", "internal/pure"}, "visitors see a web site from outside"},
		{"client", nil, "somebody else's program imports it: it stands on the standard library alone"},
		{"examples", nil, "an example is somebody else's program: it cannot import what is internal to Slipway"},
		{"ui", nil, "the page is files; who serves them is a door"},
		{"sim", []string{"internal/pure"}, "a simulation proves the judge's own arithmetic, so it may have nothing else inside"},
		{"bench", []string{"internal", "examples", "ui"}, ""},
		{"e2e", []string{"internal", "examples", "ui"}, ""},
	}
}

// slices below these folders never import one another.
func isSlice(dir string) (slice string, ok bool) {
	for _, folder := range []string{"internal/decide/", "internal/act/"} {
		if rest, found := strings.CutPrefix(dir, folder); found {
			name, _, _ := strings.Cut(rest, "/")
			return folder + name, true
		}
	}
	return "", false
}

// layers checks that imports go down only.
func layers(t *tree) []complaint {
	var out []complaint
	for _, f := range t.code() {
		i := slices.IndexFunc(floors(), func(fl floor) bool { return under(f.dir, fl.folder) })
		if i < 0 {
			out = append(out, complaint{f.path, "has no floor", "name its folder in floors() and say what it may stand on"})
			continue
		}
		fl := floors()[i]
		home := fl.folder
		if slice, ok := isSlice(f.dir); ok {
			home = slice
		}
		for imp, pos := range f.imports() {
			target, own := strings.CutPrefix(imp, module)
			if !own {
				continue
			}
			if strings.HasSuffix(path.Base(target), "test") && target != f.dir && !strings.HasSuffix(path.Base(f.dir), "test") {
				out = append(out, complaint{t.at(pos), "imports " + target, "what is made for tests is imported by tests alone"})
				continue
			}
			if under(target, home) || slices.ContainsFunc(fl.may, func(m string) bool { return under(target, m) }) {
				continue
			}
			out = append(out, complaint{t.at(pos), "imports " + target, fl.why})
		}
	}
	return sorted(out)
}

// ban keeps an import (and what is below it) to the folders that it is for.
type ban struct {
	what string
	only []string // folders that may; none means nobody
	why  string
}

func bans() []ban {
	return []ban{
		{"github.com/nats-io", []string{"internal/journal"}, "the log is behind journal, so that it can be a cluster or a folder"},
		{"modernc.org/sqlite", []string{"internal/db"}, "drivers are behind db, so that a store is SQLite or PostgreSQL"},
		{"github.com/jackc/pgx", []string{"internal/db", "internal/analytics/pg"}, "drivers are behind db, so that a store is SQLite or PostgreSQL, and behind analytics"},
		{"github.com/duckdb", []string{"internal/analytics/duck"}, "the one package that needs cgo"},
		{"github.com/parquet-go", []string{"internal/analytics/archive"}, "files of events are the archive's"},
		{"github.com/minio", []string{"internal/analytics/archive"}, "S3 is behind archive.Place, so that an archive is a folder or a bucket"},
		{"github.com/pressly/goose", []string{"internal/db"}, "migrations run in one numbered line, when the store opens"},
		{"github.com/danielgtaylor/huma", []string{"internal/door", "internal/app"}, "slices speak of codes and views; doors alone speak of HTTP"},
		{"github.com/alecthomas/kong", []string{"internal/cli"}, "the command line is cli's"},
		{"github.com/caddyserver/certmagic", []string{"internal/edge"}, "public certificates are the edge's"},
		{"github.com/goccy/go-yaml", []string{"internal/pure/manifest", "internal/pure/flagfile", "internal/pure/envoylimit"}, "YAML is read where its mistakes are told with line and column: the manifest, flags as code, and limits as Envoy has them"},
		{"google.golang.org/grpc", []string{"internal/door/envoy", "bench"}, "gRPC is spoken with Envoy alone; everything of ours is HTTP and JSON"},
		{"google.golang.org/protobuf", []string{"internal/door/envoy", "internal/door/check"}, "messages of others stay in the doors that speak to them"},
		{"github.com/envoyproxy", []string{"internal/door/envoy", "bench"}, "Envoy's messages stay in its door; what they mean is pure"},
		{"github.com/redis", []string{"internal/takes/redis"}, "limits are behind takes.Store, so that they are counted in a server's memory or in Redis"},
		{"math/rand", nil, "math/rand/v2, with a source of one's own where results must repeat"},
		{"io/ioutil", nil, "os and io have had it all since Go 1.16"},
		{"testing", []string{"internal/analytics/analyticstest", "internal/apptest", "internal/db/dbtest", "internal/prometheus/promtest", "internal/takes/takestest", "bench"}, "test code in a program"},
	}
}

// libraries checks that each library stays where it belongs, and that thinking does no I/O.
func libraries(t *tree) []complaint {
	var out []complaint
	for _, f := range t.code() {
		for imp, pos := range f.imports() {
			for _, b := range bans() {
				exact := b.what == "math/rand" || b.what == "testing" // what is below these is welcome
				if (imp == b.what || !exact && under(imp, b.what)) && !slices.ContainsFunc(b.only, func(o string) bool { return under(f.dir, o) }) {
					out = append(out, complaint{t.at(pos), "imports " + imp, b.why})
				}
			}
			if under(f.dir, "internal/decide") && (imp == "net/http" || imp == "os/exec" || imp == "net") {
				out = append(out, complaint{t.at(pos), "imports " + imp, "decide thinks; what touches the world is a wish that act carries out"})
			}
			if (under(f.dir, "internal/event") || under(f.dir, "internal/fault")) && strings.Contains(strings.Split(imp, "/")[0], ".") {
				out = append(out, complaint{t.at(pos), "imports " + imp, "standard library only, so that every program can speak it"})
			}
		}
		out = append(out, oldLogger(t, f)...)
	}
	return sorted(out)
}

// oldLogger finds uses of package log. Its type Logger is what net/http wants, and slog makes it.
func oldLogger(t *tree, f *source) []complaint {
	if _, ok := f.imports()["log"]; !ok {
		return nil
	}
	var out []complaint
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name != "Logger" {
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "log" {
				out = append(out, complaint{t.at(n.Pos()), "uses log." + sel.Sel.Name, "one logger: log/slog, injected"})
			}
		}
		return true
	})
	return out
}

// badNames are names of packages that say nothing, and so attract everything.
func badNames(t *tree) []complaint {
	var out []complaint
	seen := map[string]bool{}
	for _, f := range t.files {
		name := f.ast.Name.Name
		if seen[f.dir+name] {
			continue
		}
		seen[f.dir+name] = true
		if slices.Contains([]string{"util", "utils", "common", "types", "models", "helpers", "helper", "misc", "shared", "lib"}, name) {
			out = append(out, complaint{f.dir, "is called " + name, "a package is named after what it provides"})
		}
	}
	return sorted(out)
}

// documented checks that each package says what it is for, and each slice what it reads and emits.
func documented(t *tree) []complaint {
	doc := map[string]string{}
	for _, f := range t.code() {
		doc[f.dir] += ""
		if f.ast.Doc != nil {
			doc[f.dir] += f.ast.Doc.Text()
		}
	}
	var out []complaint
	for dir, text := range doc {
		_, slice := isSlice(dir)
		lower := strings.ToLower(text)
		switch {
		case text == "":
			out = append(out, complaint{dir, "has no package comment", "doc.go says purpose and guarantees"})
		case slice && (!strings.Contains(lower, "reads") || !strings.Contains(lower, "emits")):
			out = append(out, complaint{dir, "does not say what it reads and emits", "slices talk by events, so the events are their signature"})
		}
	}
	return sorted(out)
}

// inits finds init functions.
func inits(t *tree) []complaint {
	var out []complaint
	for _, f := range t.files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, complaint{t.at(fn.Pos()), "has an init", "nothing happens by being imported: app.New shows all that happens"})
			}
		}
	}
	return sorted(out)
}

func TestImportsGoDownOnly(t *testing.T)         { check(t, layers) }
func TestLibrariesStayInTheirPlace(t *testing.T) { check(t, libraries) }
func TestPackagesHaveTellingNames(t *testing.T)  { check(t, badNames) }
func TestPackagesAreDocumented(t *testing.T)     { check(t, documented) }
func TestNothingHappensByImport(t *testing.T)    { check(t, inits) }
func TestLayersCanFail(t *testing.T)             { checkCases(t, "arch/layers", layers) }
func TestLibrariesCanFail(t *testing.T)          { checkCases(t, "arch/libraries", libraries) }
func TestNamesDocumentationInitsCanFail(t *testing.T) {
	checkCases(t, "arch/manners", func(t *tree) []complaint { return slices.Concat(badNames(t), documented(t), inits(t)) })
}
