package scaffold

import "strings"

// lookRuby proposes rspec or rake, and puma or rackup.
func lookRuby(r *repository, p *plan) {
	gems := r.read("Gemfile")
	if gems == "" {
		return
	}
	install := "bundle config set --local path vendor/bundle && bundle install"
	switch {
	case strings.Contains(gems, "rspec"):
		p.tests = append(p.tests, testPlan{name: "rspec", run: install + " && bundle exec rspec", format: "exit", notes: []string{
			"one unit; with the gem rspec_junit_formatter, format: junit and report: show each test"}})
		p.found("Gemfile", "rspec is run as one unit")
	case r.has("Rakefile") && r.hasDir("test"):
		p.tests = append(p.tests, testPlan{name: "rake", run: install + " && bundle exec rake test", format: "exit",
			notes: []string{"a guess: the Rakefile has a task test"}})
		p.guess("Rakefile", "its task test is run as one unit")
	default:
		p.found("Gemfile", "neither rspec nor a Rakefile with a folder test was found, so that no Ruby tests are run")
	}
	serves := r.has("config.ru")
	if p.pkg != nil || (!serves && !r.has("Procfile")) {
		return
	}
	p.pkg = &packagePlan{run: install, path: ".", notes: []string{"a guess: hosts have the same Ruby as workers"}}
	p.guess("Gemfile", "gems are installed into the release, for the same Ruby on workers and hosts")
	if !serves {
		return
	}
	run := "bundle exec rackup -o 127.0.0.1 -p $PORT"
	if strings.Contains(gems, "puma") {
		run = "bundle exec puma -b tcp://127.0.0.1:$PORT"
	}
	p.processes = append(p.processes, processPlan{name: "web", run: run, notes: []string{"a guess: config.ru is the web process"}})
	p.guess("config.ru", "it is the web process")
}
