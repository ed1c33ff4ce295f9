-- +goose Up
CREATE TABLE build_builds (
    id            TEXT   PRIMARY KEY,
    app           TEXT   NOT NULL,
    env           TEXT   NOT NULL,
    number        BIGINT NOT NULL,
    branch        TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    head          TEXT   NOT NULL,
    tree          TEXT   NOT NULL,
    commits       TEXT   NOT NULL,
    manifest      TEXT   NOT NULL,
    hotfix        TEXT   NOT NULL,
    hurry         BIGINT NOT NULL,
    forced        BIGINT NOT NULL,
    retry_of      TEXT   NOT NULL,
    cause         TEXT   NOT NULL,
    queued_at     BIGINT NOT NULL,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT NOT NULL,
    total         BIGINT NOT NULL,
    done          BIGINT NOT NULL,
    failed        BIGINT NOT NULL,
    package       TEXT   NOT NULL,
    package_tries BIGINT NOT NULL,
    package_note  TEXT   NOT NULL,
    artifact      TEXT   NOT NULL,
    size          BIGINT NOT NULL,
    reasons       TEXT   NOT NULL,
    suspects      TEXT   NOT NULL,
    UNIQUE (app, env, number)
);
CREATE INDEX build_builds_state ON build_builds (state);

CREATE TABLE build_suites (
    build    TEXT   NOT NULL,
    suite    TEXT   NOT NULL,
    position BIGINT NOT NULL,
    state    TEXT   NOT NULL,
    cached   BIGINT NOT NULL,
    tries    BIGINT NOT NULL,
    code     TEXT   NOT NULL,
    note     TEXT   NOT NULL,
    PRIMARY KEY (build, suite)
);

CREATE TABLE build_units (
    build        TEXT   NOT NULL,
    suite        TEXT   NOT NULL,
    unit         TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    lease        TEXT   NOT NULL,
    agent        TEXT   NOT NULL,
    expected_us  BIGINT NOT NULL,
    losses       BIGINT NOT NULL,
    faults       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    duration_us  BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    output       TEXT   NOT NULL,
    failed_tests TEXT   NOT NULL,
    PRIMARY KEY (build, suite, unit)
);
CREATE INDEX build_units_status ON build_units (build, status);

CREATE TABLE build_leases (
    id         TEXT   PRIMARY KEY,
    build      TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    suite      TEXT   NOT NULL,
    agent      TEXT   NOT NULL,
    units      BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    phase      TEXT   NOT NULL,
    granted_at BIGINT NOT NULL,
    beat_at    BIGINT NOT NULL,
    deadline   BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    setup_us   BIGINT NOT NULL,
    ran_us     BIGINT NOT NULL,
    upload_us  BIGINT NOT NULL,
    exit       BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    fault      BIGINT NOT NULL,
    log_size   BIGINT NOT NULL,
    sealed     BIGINT NOT NULL
);
CREATE INDEX build_leases_build ON build_leases (build);
CREATE INDEX build_leases_state ON build_leases (state, sealed);

CREATE TABLE build_lists (
    key       TEXT   PRIMARY KEY,
    units     TEXT   NOT NULL,
    listed_at BIGINT NOT NULL
);

CREATE TABLE build_estimates (
    app      TEXT             NOT NULL,
    suite    TEXT             NOT NULL,
    unit     TEXT             NOT NULL,
    log_mean DOUBLE PRECISION NOT NULL,
    runs     BIGINT           NOT NULL,
    seen_at  BIGINT           NOT NULL,
    PRIMARY KEY (app, suite, unit)
);

CREATE TABLE build_workers (
    agent   TEXT   PRIMARY KEY,
    name    TEXT   NOT NULL,
    seen_at BIGINT NOT NULL
);
