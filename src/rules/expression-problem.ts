/** What is wrong with an expression or template: characters `start` to `end` of its source. */
export interface ExpressionProblem {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}
