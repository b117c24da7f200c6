import type { ScenarioReport } from '../analyze/report.ts';

/** Of each device whose hash need not be bit for bit what is shown: which classes, and why. */
export function approximations(scenarios: readonly ScenarioReport[]): string[] {
  const texts = scenarios.flatMap(({ nic, model = {} }) => {
    const reasons = [...new Set(Object.values(model))];
    return reasons.map((says) => {
      const classes = Object.keys(model).filter((cls) => model[cls] === says);
      return `${nic}, ${classes.join(', ')}: ${says}.`;
    });
  });
  return [...new Set(texts)];
}
