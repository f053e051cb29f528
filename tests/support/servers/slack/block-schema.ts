import * as z from 'zod';

// The limits are those of the doc comments in @slack/types (dist/block-kit), and of docs.slack.dev/reference/block-kit.

const id = z.string().max(255).optional();
const flag = z.boolean().optional();
const url = z.url().max(3_000);

const plainText = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: flag });

const markdownText = (max: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(max), verbatim: flag });

const anyText = (max: number) => z.discriminatedUnion('type', [plainText(max), markdownText(max)]);

const style = z.enum(['primary', 'danger']).optional();

const confirm = z
  .strictObject({
    title: plainText(100).optional(),
    text: anyText(300),
    confirm: plainText(30).optional(),
    deny: plainText(30).optional(),
    style,
  })
  .optional();

const option = z.strictObject({
  text: anyText(75),
  value: z.string().max(150),
  description: plainText(75).optional(),
  url: url.optional(),
});

const optionGroup = z.strictObject({ label: plainText(75), options: z.array(option).min(1).max(100) });

const placeholder = plainText(150).optional();
const optionSource = {
  options: z.array(option).min(1).max(100).optional(),
  option_groups: z.array(optionGroup).min(1).max(100).optional(),
};
const hasOneOptionSource = (menu: { options?: unknown; option_groups?: unknown }): boolean =>
  (menu.options === undefined) !== (menu.option_groups === undefined);
const ONE_IMAGE_SOURCE = 'must have either image_url or slack_file';
const ONE_OPTION_SOURCE = 'must have either options or option_groups';

const button = z.strictObject({
  type: z.literal('button'),
  text: plainText(75),
  action_id: id,
  value: z.string().max(2_000).optional(),
  url: url.optional(),
  style,
  confirm,
  accessibility_label: z.string().max(75).optional(),
});

const staticSelect = z
  .strictObject({
    type: z.literal('static_select'),
    action_id: id,
    placeholder,
    ...optionSource,
    initial_option: option.optional(),
    confirm,
    focus_on_load: flag,
  })
  .refine(hasOneOptionSource, ONE_OPTION_SOURCE);

const multiStaticSelect = z
  .strictObject({
    type: z.literal('multi_static_select'),
    action_id: id,
    placeholder,
    ...optionSource,
    initial_options: z.array(option).min(1).optional(),
    max_selected_items: z.int().min(1).optional(),
    confirm,
    focus_on_load: flag,
  })
  .refine(hasOneOptionSource, ONE_OPTION_SOURCE);

const overflow = z.strictObject({
  type: z.literal('overflow'),
  action_id: id,
  options: z.array(option).min(1).max(5),
  confirm,
});

const choice = { action_id: id, options: z.array(option).min(1).max(10), confirm, focus_on_load: flag };
const radioButtons = z.strictObject({ type: z.literal('radio_buttons'), initial_option: option.optional(), ...choice });
const checkboxes = z.strictObject({ type: z.literal('checkboxes'), initial_options: z.array(option).optional(), ...choice });

// Elements that are not looked into, beyond their ids and the text that stands in them while they are empty.
const picker = z.looseObject({
  type: z.enum([
    'users_select',
    'conversations_select',
    'channels_select',
    'external_select',
    'multi_users_select',
    'multi_conversations_select',
    'multi_channels_select',
    'multi_external_select',
    'datepicker',
    'timepicker',
    'datetimepicker',
    'workflow_button',
    'rich_text_input',
  ]),
  action_id: id,
  placeholder,
  confirm,
});

const textInput = z.strictObject({
  type: z.literal('plain_text_input'),
  action_id: id,
  placeholder,
  initial_value: z.string().max(3_000).optional(),
  multiline: flag,
  min_length: z.int().min(0).max(3_000).optional(),
  max_length: z.int().min(1).max(3_000).optional(),
  focus_on_load: flag,
  dispatch_action_config: z.looseObject({}).optional(),
});

const otherInput = z.looseObject({
  type: z.enum(['number_input', 'email_text_input', 'url_text_input', 'file_input']),
  action_id: id,
  placeholder,
});

const imageElement = z
  .looseObject({
    type: z.literal('image'),
    alt_text: z.string().min(1).max(2_000),
    image_url: url.optional(),
    slack_file: z.looseObject({}).optional(),
  })
  .refine((image) => (image.image_url === undefined) !== (image.slack_file === undefined), ONE_IMAGE_SOURCE);

const richTextPiece = z.looseObject({
  type: z.enum(['text', 'link', 'emoji', 'user', 'usergroup', 'channel', 'broadcast', 'date', 'color', 'team']),
  text: z.string().min(1).optional(),
});
const richTextParagraph = z.looseObject({
  type: z.enum(['rich_text_section', 'rich_text_preformatted', 'rich_text_quote']),
  elements: z.array(richTextPiece),
});
const richTextList = z.looseObject({
  type: z.literal('rich_text_list'),
  style: z.enum(['bullet', 'ordered']),
  elements: z.array(richTextParagraph),
});

const interactive = z.discriminatedUnion('type', [
  button,
  staticSelect,
  multiStaticSelect,
  overflow,
  radioButtons,
  checkboxes,
  picker,
]);
const base = { block_id: id };

const section = z
  .strictObject({
    type: z.literal('section'),
    ...base,
    text: anyText(3_000).optional(),
    fields: z.array(anyText(2_000)).min(1).max(10).optional(),
    accessory: z.discriminatedUnion('type', [interactive, imageElement]).optional(),
    expand: flag,
  })
  .refine((block) => block.text !== undefined || block.fields !== undefined, 'missing required field: text or fields');

const blocks = [
  section,
  z.strictObject({ type: z.literal('divider'), ...base }),
  z.strictObject({ type: z.literal('header'), ...base, text: plainText(150), level: z.int().min(1).max(6).optional() }),
  z.strictObject({
    type: z.literal('context'),
    ...base,
    elements: z
      .array(z.discriminatedUnion('type', [anyText(3_000), imageElement]))
      .min(1)
      .max(10),
  }),
  z.strictObject({ type: z.literal('actions'), ...base, elements: z.array(interactive).min(1).max(25) }),
  z.strictObject({
    type: z.literal('image'),
    ...base,
    alt_text: z.string().min(1).max(2_000),
    title: plainText(2_000).optional(),
    image_url: url.optional(),
    slack_file: z.looseObject({}).optional(),
  }),
  z.strictObject({
    type: z.literal('input'),
    ...base,
    label: plainText(2_000),
    hint: plainText(2_000).optional(),
    optional: flag,
    dispatch_action: flag,
    element: z.discriminatedUnion('type', [
      textInput,
      otherInput,
      staticSelect,
      multiStaticSelect,
      radioButtons,
      checkboxes,
      picker,
    ]),
  }),
  z.strictObject({ type: z.literal('markdown'), ...base, text: z.string().min(1).max(12_000) }),
  z.strictObject({
    type: z.literal('rich_text'),
    ...base,
    elements: z.array(z.discriminatedUnion('type', [richTextParagraph, richTextList])),
  }),
  // Blocks that nothing here sends are only known by name.
  z.looseObject({ type: z.enum(['table', 'video', 'file', 'context_actions', 'alert', 'card', 'carousel']), ...base }),
] as const;

/** One block of a message or a view. Unknown fields are refused, as Slack does. */
export const blockSchema = z.discriminatedUnion('type', blocks);
