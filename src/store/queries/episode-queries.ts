import { sql } from 'kysely';
import type { AlertContent, Episode, Member } from '../../domain/state.ts';
import type { MemberAlert } from '../../domain/store.ts';
import { cellAt, integer, nullable, text } from '../column.ts';
import type { Row } from '../column.ts';
import { alertContents, episodes, members } from '../rows.ts';
import { prepareQuery } from './prepared-query.ts';
import type { PreparedQuery } from './prepared-query.ts';
import type { StoreDialect } from './store-dialect.ts';

/** Episodes, what their alerts say, and where they belong. */
export interface EpisodeQueries {
  readonly current: PreparedQuery<{ readonly alertKeys: readonly string[] }, Episode>;
  readonly byId: PreparedQuery<{ readonly ids: readonly string[] }, Episode>;
  readonly members: PreparedQuery<{ readonly episodeIds: readonly string[] }, Member>;
  readonly memberAlerts: PreparedQuery<{ readonly incidentIds: readonly string[]; readonly limit: number }, MemberAlert>;
  readonly firingMemberAlerts: PreparedQuery<{ readonly incidentIds: readonly string[]; readonly limit: number }, MemberAlert>;
  readonly lineAlerts: PreparedQuery<
    { readonly places: readonly (readonly [string, string])[]; readonly limit: number },
    MemberAlert
  >;
  readonly firing: PreparedQuery<object, Episode & AlertContent>;
  readonly firingNamed: PreparedQuery<{ readonly alertnames: readonly string[] }, Episode & AlertContent>;
  readonly firingSince: PreparedQuery<{ readonly seenBefore: number; readonly limit: number }, Episode & AlertContent>;
  readonly countNew: PreparedQuery<{ readonly since: number; readonly limit: number }, number>;
}

export function createEpisodeQueries({ builder, texts, pairs, compile }: StoreDialect): EpisodeQueries {
  const firing = builder
    .selectFrom('episode')
    .innerJoin('alert_content', 'alert_content.episode_id', 'episode.id')
    .select(episodes.references)
    .select(alertContents.references)
    .where('episode.current', '=', sql.lit(1))
    .where('episode.status', '=', sql.lit('firing'));

  const place = sql<string>`("member"."incident_id", "member"."target")`;
  const memberAlerts = (chosen: ReturnType<typeof sql>, limit: ReturnType<typeof sql<number>>) =>
    compile(sql`
      with "ranked" as (
        select "member"."incident_id", "member"."target", "member"."episode_id", row_number() over (
          partition by "member"."incident_id", "member"."target"
          order by "episode"."status" = 'firing' desc, "member"."joined_at", "member"."episode_id"
        ) as "place"
        from "member" join "episode" on "episode"."id" = "member"."episode_id"
        where ${chosen}
      )
      select "ranked"."incident_id", "ranked"."target", ${refs(episodes.references)}, ${refs(alertContents.references)}
      from "ranked"
      join "episode" on "episode"."id" = "ranked"."episode_id"
      join "alert_content" on "alert_content"."episode_id" = "ranked"."episode_id"
      where "ranked"."place" <= ${limit}
      order by "episode"."status" = 'firing' desc, "ranked"."incident_id", "ranked"."target", "ranked"."place"`);

  return {
    current: prepareQuery(
      { alertKeys: 'texts' },
      ({ alertKeys }) =>
        builder
          .selectFrom('episode')
          .select(episodes.columns)
          .where('alert_key', 'in', texts(alertKeys))
          .where('current', '=', sql.lit(1)),
      episodes.decode,
    ),
    byId: prepareQuery(
      { ids: 'texts' },
      ({ ids }) => builder.selectFrom('episode').select(episodes.columns).where('id', 'in', texts(ids)),
      episodes.decode,
    ),
    members: prepareQuery(
      { episodeIds: 'texts' },
      ({ episodeIds }) => builder.selectFrom('member').select(members.columns).where('episode_id', 'in', texts(episodeIds)),
      members.decode,
    ),
    memberAlerts: prepareQuery(
      { incidentIds: 'texts', limit: 'integer' },
      ({ incidentIds, limit }) => memberAlerts(sql`"member"."incident_id" in ${texts(incidentIds)}`, limit),
      decodeMemberAlert,
    ),
    firingMemberAlerts: prepareQuery(
      { incidentIds: 'texts', limit: 'integer' },
      ({ incidentIds, limit }) =>
        memberAlerts(sql`"member"."incident_id" in ${texts(incidentIds)} and "episode"."status" = 'firing'`, limit),
      decodeMemberAlert,
    ),
    lineAlerts: prepareQuery(
      { places: 'pairs', limit: 'integer' },
      ({ places, limit }) => memberAlerts(sql`${place} in ${pairs(places)} and "episode"."status" = 'firing'`, limit),
      decodeMemberAlert,
    ),
    firing: prepareQuery({}, () => firing, decodeAlert),
    firingNamed: prepareQuery(
      { alertnames: 'texts' },
      ({ alertnames }) => firing.where('episode.alertname', 'in', texts(alertnames)),
      decodeAlert,
    ),
    firingSince: prepareQuery(
      { seenBefore: 'integer', limit: 'integer' },
      ({ seenBefore, limit }) =>
        firing.where('episode.last_seen_at', '<', seenBefore).orderBy('episode.last_seen_at').orderBy('episode.id').limit(limit),
      decodeAlert,
    ),
    countNew: prepareQuery(
      { since: 'integer', limit: 'integer' },
      ({ since, limit }) =>
        builder
          .selectFrom(builder.selectFrom('episode').select('id').where('first_seen_at', '>=', since).limit(limit).as('begun'))
          .select((eb) => eb.fn.countAll<number>().as('count')),
      (row) => integer.decode(cellAt(row, 0)),
    ),
  };
}

function decodeAlert(row: Row): Episode & AlertContent {
  return { ...episodes.decode(row), ...decodeContent(row, episodes.columns.length) };
}

function decodeMemberAlert(row: Row): MemberAlert {
  return {
    incidentId: text.decode(cellAt(row, 0)),
    lineTarget: nullable(text).decode(cellAt(row, 1)),
    episode: episodes.decode(row, 2),
    content: decodeContent(row, 2 + episodes.columns.length),
  };
}

function decodeContent(row: Row, offset: number): AlertContent {
  const { labels, annotations, fingerprint, generatorUrl } = alertContents.decode(row, offset);
  return { labels, annotations, fingerprint, generatorUrl };
}

function refs(references: readonly string[]) {
  return sql.join(references.map((reference) => sql.ref(reference)));
}
