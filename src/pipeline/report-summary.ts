import type { ReportSummary } from '../domain/remediation.ts';
import { makeReport } from './report.ts';
import { reportMessage } from './report-text.ts';

/** The short form of a report, for a message. Takes what `makeReport` takes. */
export async function summarize(...of: Parameters<typeof makeReport>): Promise<ReportSummary> {
  const report = await makeReport(...of);
  const { incidents, acted, outcomes } = report.total;
  return { text: reportMessage(report), incidents, acted, verified: outcomes['verified'] ?? 0 };
}
