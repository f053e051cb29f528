import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const environmentMessage = 'Only src/config reads the environment: take the value as an argument.';
const environmentAccess = [
  { selector: "MemberExpression[object.name='process'][property.name='env']", message: environmentMessage },
  { selector: "VariableDeclarator[init.name='process'] Property[key.name='env']", message: environmentMessage },
  { selector: 'ImportDeclaration[source.value=/^(?:node:)?process$/]', message: 'Use the global process.' },
];

export default defineConfig(
  { ignores: ['dist/', 'data/', 'coverage/', 'tests/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-imports': ['error', { patterns: [{ regex: '^\\..*\\.js$', message: 'Import the .ts file.' }] }],
      'no-restricted-syntax': ['error', ...environmentAccess],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // Without a default, a switch over a closed set names every member; a default is a decision for the rest.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Vendors' factories (createGunzip) return instances that the rule does not recognise.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Environment and header names are data, and TypeScript's own setting already decides how they are written.
      '@typescript-eslint/dot-notation': 'off',
      // Numbers print the same in every template; objects still may not be put in.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
    },
  },
  {
    files: ['src/config/**', 'tests/**', 'bench/**', 'demo/**', 'scripts/**'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['src/main.ts', 'bench/**', 'demo/**', 'scripts/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['tests/**'],
    rules: {
      // Jest matchers and spies are typed with `any` and unbound methods.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['**/*.js', '**/*.cjs'], extends: [js.configs.recommended] },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs', globals: { module: 'writable' } } },
);
