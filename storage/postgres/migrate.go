package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/incidentkit/incidentkit/alert"
	"github.com/incidentkit/incidentkit/incident"
)

// migrations are numbered from 1 without gaps, in a folder for each schema. A file that was released never changes.
//
//go:embed migrations/*.sql directory/*.sql
var migrations embed.FS

// migrationLock is the advisory lock that those who migrate one database take in turn.
const migrationLock = 0x696e636964656e74

// migrate brings the schema of a Store up to what this version of the package knows.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	return migrateSchema(ctx, conn, "incidentkit", "migrations")
}

// migrateSchema does so for the schema whose files are in that folder.
func migrateSchema(ctx context.Context, conn *pgx.Conn, schema, folder string) error {
	files, err := migrations.ReadDir(folder)
	if err != nil {
		return err
	}
	latest := len(files)
	// Those who may only read and write rows can start where the schema is there already.
	if version, err := schemaVersion(ctx, conn, schema); err != nil || version == latest {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		version, err := schemaVersion(ctx, conn, schema)
		if err != nil {
			return err
		}
		if version == 0 {
			begin := "create schema if not exists " + schema + "; create table " + schema + ".schema_version (version integer primary key, applied timestamptz not null default now())"
			if _, err := conn.PgConn().Exec(ctx, begin).ReadAll(); err != nil {
				return err
			}
		}
		if version > latest {
			return newer(version, latest)
		}
		rekey := false
		for n := version; n < latest; n++ {
			text, err := migrations.ReadFile(folder + "/" + files[n].Name())
			if err != nil {
				return err
			}
			if _, err := conn.PgConn().Exec(ctx, string(text)).ReadAll(); err != nil {
				return fmt.Errorf("migration %s: %w", files[n].Name(), err)
			}
			switch folder + "/" + files[n].Name() {
			case ownersFolded:
				err = lifted(ctx, tx, foldOwners, "incidentkit.incidents")
			case alertsFiltered:
				err = lifted(ctx, tx, fillAlerts, "incidentkit.alerts")
			case keysChanged:
				rekey = true
			}
			if err != nil {
				return fmt.Errorf("migration %s: %w", files[n].Name(), err)
			}
			if _, err := tx.Exec(ctx, "insert into "+schema+".schema_version (version) values ($1)", n+1); err != nil {
				return err
			}
		}
		if rekey {
			if err := lifted(ctx, tx, rekeyAlerts, "incidentkit.alerts", "incidentkit.sightings"); err != nil {
				return fmt.Errorf("migration %s: %w", keysChanged, err)
			}
		}
		return nil
	})
}

// ownersFolded is the migration that folds the identifiers of owners, as far as SQL can.
const ownersFolded = "migrations/0004.sql"

// alertsFiltered is the migration that adds columns which are filled from the records of alerts.
const alertsFiltered = "migrations/0005.sql"

// keysChanged is the migration before which package alert computed other keys.
const keysChanged = "migrations/0006.sql"

// lifted changes rows of tables. Their owner would find none under row-level security, which is lifted meanwhile.
func lifted(ctx context.Context, tx pgx.Tx, change func(context.Context, pgx.Tx) error, tables ...string) error {
	if len(tables) == 0 {
		return change(ctx, tx)
	}
	table := tables[0]
	var secured bool
	forced := "select relforcerowsecurity from pg_class where oid = '" + table + "'::regclass"
	if err := tx.QueryRow(ctx, forced).Scan(&secured); err != nil {
		return err
	}
	if secured {
		if _, err := tx.Exec(ctx, "alter table "+table+" no force row level security"); err != nil {
			return err
		}
	}
	if err := lifted(ctx, tx, change, tables[1:]...); err != nil {
		return err
	}
	if secured {
		_, err := tx.Exec(ctx, "alter table "+table+" force row level security")
		return err
	}
	return nil
}

// foldOwners folds what SQL could not.
func foldOwners(ctx context.Context, tx pgx.Tx) error {
	const table = "incidentkit.incidents"
	rows, err := tx.Query(ctx, "select distinct owner from "+table+" where octet_length(owner) <> char_length(owner)")
	if err != nil {
		return err
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, owner := range owners {
		folded := escape(incident.Fold(unescape(owner)))
		if _, err := tx.Exec(ctx, "update "+table+" set owner = $2 where owner = $1", owner, folded); err != nil {
			return err
		}
	}
	return nil
}

// fillAlerts has the columns of alerts say what their records do, which SQL cannot read where a text has U+0000.
func fillAlerts(ctx context.Context, tx pgx.Tx) error {
	const fill = `update incidentkit.alerts a set source = x.source, category = x.category, title_folded = x.title
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
			x (tenant, id, source, category, title)
		where a.tenant = x.tenant and a.id = x.id`
	return someAlerts(ctx, tx, func(tenants []string, alerts []alert.Alert) error {
		var ids, sources, categories, titles []string
		for _, a := range alerts {
			ids, sources = append(ids, escape(a.ID)), append(sources, escape(a.Origin.Source))
			categories, titles = append(categories, escape(a.Category)), append(titles, escape(incident.Fold(a.Title)))
		}
		_, err := tx.Exec(ctx, fill, tenants, ids, sources, categories, titles)
		return err
	})
}

// rekeyAlerts makes the table of sightings have the keys of all alerts, and no others of theirs. Rows that stay keep
// their stamps, new ones have none. It writes as Apply does, and so has to follow the last migration.
func rekeyAlerts(ctx context.Context, tx pgx.Tx) error {
	const add = `insert into incidentkit.sightings (tenant, alert, key, incident, first_activity, standalone)
		select $1::text, $2::text, k, $4::text, $5::bigint, $6::boolean from unnest($3::bytea[]) k
		on conflict do nothing`
	return someAlerts(ctx, tx, func(tenants []string, alerts []alert.Alert) error {
		var batch pgx.Batch
		for n := range alerts {
			a := &alerts[n]
			seen := sight(a)
			args := []any{tenants[n], escape(a.ID), digests(a.Keys()), seen.incident, seen.at, seen.standalone}
			batch.Queue(keepSightings, args...)
			batch.Queue(add, args...)
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
}

// someAlerts calls change with all alerts, some at a time, beside their tenants.
func someAlerts(ctx context.Context, tx pgx.Tx, change func(tenants []string, alerts []alert.Alert) error) error {
	const (
		open = "declare stored_alerts no scroll cursor for select tenant, record from incidentkit.alerts"
		next = "fetch 200 from stored_alerts"
	)
	if _, err := tx.Exec(ctx, open); err != nil {
		return err
	}
	for {
		found, err := tx.Query(ctx, next)
		if err != nil {
			return err
		}
		var tenants []string
		var alerts []alert.Alert
		var tenant string
		var here row
		_, err = pgx.ForEachRow(found, []any{&tenant, &here.record}, func() error {
			a, err := here.alert()
			tenants, alerts = append(tenants, tenant), append(alerts, a)
			return err
		})
		if err == nil && len(alerts) == 0 {
			_, err = tx.Exec(ctx, "close stored_alerts")
			return err
		}
		if err == nil {
			err = change(tenants, alerts)
		}
		if err != nil {
			return err
		}
	}
}

// secure sees that row-level security holds for the role of conn. The owner of the tables is subject to it too: a
// migration that is to change rows has to lift that first.
func secure(ctx context.Context, conn *pgx.Conn) error {
	const (
		tables  = "from pg_class c where c.relnamespace = 'incidentkit'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_version'"
		holds   = "select bool_and(row_security_active(c.oid)) " + tables
		subject = "select bool_and(c.relrowsecurity and c.relforcerowsecurity) " + tables
		turnOn  = `do $$ declare t regclass; begin
			for t in select c.oid::regclass ` + tables + ` order by c.oid loop
				execute format('alter table %s enable row level security, force row level security', t);
			end loop;
		end $$`
	)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var ok, on bool
		if err := tx.QueryRow(ctx, holds).Scan(&ok); err != nil || ok {
			return err
		}
		if err := tx.QueryRow(ctx, subject).Scan(&on); err != nil {
			return err
		}
		if !on {
			if _, err := tx.Exec(ctx, turnOn); err != nil {
				return fmt.Errorf("turn on row-level security: %w", err)
			}
			if err := tx.QueryRow(ctx, holds).Scan(&ok); err != nil || ok {
				return err
			}
		}
		return errors.New("row-level security does not hold for this role, which is a superuser or has BYPASSRLS")
	})
}

// schemaVersion returns the version of the schema, 0 when there is none. It looks into the catalogue itself, because
// what a backend remembers of it may be older than the lock.
func schemaVersion(ctx context.Context, conn *pgx.Conn, schema string) (version int, err error) {
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_tables where schemaname = $1 and tablename = 'schema_version')", schema).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = conn.QueryRow(ctx, "select coalesce(max(version), 0) from "+schema+".schema_version").Scan(&version)
	return version, err
}

func newer(version, latest int) error {
	return fmt.Errorf("the schema is of version %d, this package knows up to %d", version, latest)
}
