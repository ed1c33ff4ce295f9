package scaffold

import (
	"encoding/json"
	"strings"
)

// lookNode proposes the scripts test, build and start of package.json.
func lookNode(r *repository, p *plan) {
	text := r.read("package.json")
	if text == "" {
		return
	}
	var pkg struct {
		Scripts map[string]string `json:"scripts"`
	}
	if err := json.Unmarshal([]byte(text), &pkg); err != nil {
		p.found("package.json", "it is not valid JSON, and was left aside")
		return
	}
	tool, install := packageManager(r, p)
	if script := pkg.Scripts["test"]; script != "" && !strings.Contains(script, "no test specified") {
		p.tests = append(p.tests, testPlan{name: "node", run: install + " && " + tool + " test", format: "exit", notes: []string{
			"one unit; with a runner that writes JUnit XML, format: junit and report: show each test"}})
		p.found("package.json", "its script test is run as one unit")
	} else {
		p.found("package.json", "it has no script test")
	}
	build := install
	if pkg.Scripts["build"] != "" {
		build += " && " + tool + " run build"
		p.found("package.json", "its script build is part of the package")
	}
	start := pkg.Scripts["start"]
	if p.pkg != nil { // a program in another language is shipped
		if pkg.Scripts["build"] != "" {
			p.before = append(p.before, build)
		}
		return
	}
	if start == "" && !r.has("Procfile") {
		p.found("package.json", "it has no script start, so that nothing is run")
		return
	}
	p.pkg = &packagePlan{run: build, path: ".", notes: []string{"the whole checkout with its node_modules"}}
	if start == "" {
		return
	}
	note := "the script start: " + start
	if !strings.Contains(start, "PORT") {
		note += "; a guess: it listens on $PORT"
		p.guess("package.json", "the script start listens on $PORT")
	}
	p.processes = append(p.processes, processPlan{name: "web", run: tool + " start", notes: []string{note}})
}

// packageManager tells by the lock file which one is used.
func packageManager(r *repository, p *plan) (tool, install string) {
	switch {
	case r.has("pnpm-lock.yaml"):
		return "pnpm", "pnpm install --frozen-lockfile"
	case r.has("yarn.lock"):
		return "yarn", "yarn install --frozen-lockfile"
	case r.has("package-lock.json"):
		return "npm", "npm ci"
	}
	p.guess("package.json", "there is no lock file: npm install takes the newest versions each time")
	return "npm", "npm install"
}
